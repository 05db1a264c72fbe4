import type { Clock } from '../ports/index.ts';

export const nodeClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => Date.now(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
  endOfTurn(callback, turns = 1) {
    setImmediate(turns === 1 ? callback : () => setImmediate(callback));
  },
};
