import type { Machine } from '../machine.ts';
import { type Fault, HOLD_MS, type Scene, someGroup } from './scene.ts';

/** What happens to processes and clocks. */
export const PROCESS_FAULTS = {
  kill: ({ world, machine, name, startLater }) => {
    if (!machine.isRunning) return false;
    world.kill(name);
    startLater(name);
    return true;
  },

  /** Whoever comes to lead a group, again and again. */
  'kill-leaders': (scene) => {
    const { world, random, later, startLater } = scene;
    const group = someGroup(scene);
    for (let at = 0; at < 8_000; at += random.between(300, 1_500)) {
      later(at, () => {
        const leader = world.leader(group)?.name;
        if (leader === undefined) return;
        world.kill(leader);
        startLater(leader, random.between(50, 1_000));
      });
    }
    return true;
  },

  power: ({ world, machine, name, startLater }) => {
    if (!machine.isRunning) return false;
    world.powerOff(name);
    startLater(name);
    return true;
  },

  'power-all': ({ world, random, startLater }) => {
    if (!random.once(4)) return false;
    for (const { name, isRunning } of world.machines) {
      if (isRunning) world.powerOff(name);
      startLater(name);
    }
    return true;
  },

  /** What was promised in that moment was not yet written. */
  'power-at-vote': ({ world, machine, name, later, startLater }) => {
    const terms = termsOf(machine);
    if (terms === undefined) return false;
    const look = () => {
      const now = termsOf(machine);
      if (now === undefined) return;
      if (now === terms) {
        later(1, look);
        return;
      }
      world.powerOff(name);
      startLater(name, 100);
    };
    look();
    return true;
  },

  'power-at-write': (scene) => powerAtStep(scene, 'disk', 60),
  'power-at-commit': (scene) => powerAtStep(scene, 'engine', 12),

  'crash-loop': ({ world, machine, name, random, later }) => {
    for (let i = 0; i < 4; i++) {
      later(random.between(0, 4_000), () => {
        if (machine.isRunning) world.kill(name);
      });
    }
    return true;
  },

  pause: (scene) => pauseFor(scene, HOLD_MS),
  'loop-stall': (scene) => pauseFor(scene, [20, 400]),

  stop: ({ machine, name, startLater }) => {
    if (!isUp(machine)) return false;
    startLater(name);
    machine.stop().catch(() => {});
    return true;
  },

  'clock-jump': ({ machine, random }) => {
    machine.wallErrorMs += random.between(-3_600_000, 3_600_000);
    return true;
  },
} as const satisfies Readonly<Record<string, Fault>>;

/** It runs, and its node is there. */
export function isUp({ isRunning, process, node }: Machine): boolean {
  return isRunning && !process?.isPaused && node !== undefined;
}

/** The power goes at, or in the middle of, one of the next steps of the disk or the engine (F17). */
function powerAtStep(
  { world, machine, name, random, later, until, startLater }: Scene,
  what: 'disk' | 'engine',
  stepsMax: number,
): boolean {
  const isEnd = random.once(2);
  let left = 1 + random.below(stepsMax);
  machine.onStep = (of, takesMs) => {
    if (of !== what || isEnd !== (takesMs === 'done') || --left > 0) return;
    machine.onStep = undefined;
    const off = () => {
      if (!machine.isRunning) return;
      world.powerOff(name);
      startLater(name);
    };
    if (takesMs === 'done') off();
    else later(random.between(0, takesMs), off);
  };
  until(60_000, () => {
    machine.onStep = undefined;
  });
  return true;
}

function pauseFor({ world, name, random, until }: Scene, ms: readonly [number, number]): boolean {
  world.pause(name);
  until(random.between(...ms), () => world.resume(name));
  return true;
}

/** The terms of all replicas on a machine, in one text. */
function termsOf({ created }: Machine): string | undefined {
  return created && [...created.replicas.all()].map(({ term }) => term).join();
}
