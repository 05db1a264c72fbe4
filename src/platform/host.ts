import { setFlagsFromString } from 'node:v8';

/**
 * What a simulator needs of whoever runs it: to be called back when everything else has run, and to have all microtasks run in the
 * middle of that. JavaScript itself cannot do the second, and one trip through the event loop for each simulated event costs more
 * than most events; V8 can, by a function that is meant for its own tests. Where it is not to be had the simulator takes the trip.
 */
export function nodeHost(): {
  soon(callback: () => void): void;
  readonly runMicrotasks: (() => void) | undefined;
} {
  return {
    soon: (callback) => void setImmediate(callback),
    runMicrotasks: checkpoint(),
  };
}

function checkpoint(): (() => void) | undefined {
  try {
    setFlagsFromString('--allow-natives-syntax');
    return new Function('%PerformMicrotaskCheckpoint()') as () => void;
  } catch {
    return undefined;
  } finally {
    setFlagsFromString('--no-allow-natives-syntax');
  }
}
