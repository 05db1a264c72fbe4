import { SECTOR_BYTES } from '../inode.ts';
import type { Machine } from '../machine.ts';
import type { Transfer } from '../memory-disk.ts';
import { isUp } from './process-faults.ts';
import { type Fault, HOLD_MS, type Scene } from './scene.ts';

/** What happens to disks and engines that say so, or that lose nothing of what they took. */
export const DISK_FAULTS = {
  'slow-disk': ({ machine, random, until }) => {
    const usual = machine.diskLatencyMs;
    machine.diskLatencyMs = [usual[0], random.between(2, 60)];
    until(random.between(...HOLD_MS), () => {
      machine.diskLatencyMs = usual;
    });
    return true;
  },

  'stall-disk': ({ machine, random }) => {
    machine.stallDisk(random.between(100, 5_000));
    return true;
  },

  'fail-disk': ({ machine: { disk }, random, until }) => {
    let left = 1 + random.below(20);
    disk.fault = ({ kind }) => {
      if ((kind !== 'write' && kind !== 'sync') || --left > 0) return undefined;
      disk.fault = undefined;
      return 'failed';
    };
    until(random.between(...HOLD_MS), () => {
      disk.fault = undefined;
    });
    return true;
  },

  'full-disk': ({ machine, random, until }) => {
    const { disk, engine } = machine;
    disk.capacityBytes = disk.usedBytes + random.below(64 * 1024);
    engine.capacityBytes = engine.bytes + random.below(16 * 1024);
    until(random.between(500, 8_000), () => {
      machine.disk.capacityBytes = Number.POSITIVE_INFINITY;
      machine.engine.capacityBytes = Number.POSITIVE_INFINITY;
    });
    return true;
  },

  'slow-engine': ({ machine, random, until }) => {
    const held: (() => void)[] = [];
    machine.holdEngine = (step) => held.push(step);
    until(random.between(...HOLD_MS), () => {
      machine.holdEngine = undefined;
      for (const step of held) step();
    });
    return true;
  },

  'fail-engine': ({ machine: { engine }, random, until }) => {
    engine.fault = () => {
      engine.fault = undefined;
      return 'failed';
    };
    until(random.between(...HOLD_MS), () => {
      engine.fault = undefined;
    });
    return true;
  },

  /** The next file that is made or fetched has a wrong bit: it is made or fetched again. */
  'damage-snapshot': (scene) => {
    const { random } = scene;
    return lieOnce(scene, (transfer) => {
      const { kind, path, bytes } = transfer;
      if (kind !== 'write' || !path.startsWith('snapshots/') || bytes.length === 0)
        return undefined;
      const wrong = bytes.slice();
      const at = random.below(wrong.length);
      wrong[at] = (wrong[at] as number) ^ (1 << random.below(8));
      return { ...transfer, bytes: wrong };
    });
  },
} as const satisfies Readonly<Record<string, Fault>>;

/** Disks that lose what they took (F4, F5, F8, F29). For good until membership can change: a world has one such machine, once. */
export const DAMAGE = {
  'damage-log': ({ machine, random }) => {
    const path = random.pick(logOf(machine));
    const at = random.below(machine.disk.content(path).length);
    machine.disk.flip(path, at, 1 << random.below(8));
    return true;
  },

  'zero-log': ({ machine, random }) => {
    const path = random.pick(logOf(machine));
    machine.disk.zero(path, random.below(machine.disk.content(path).length));
    return true;
  },

  'cut-log': (scene) => {
    const { disk } = scene.machine;
    return onOldSegment(scene, (path) => {
      disk.cut(path, scene.random.below(disk.content(path).length));
    });
  },

  'lose-log': (scene) => onOldSegment(scene, (path) => scene.machine.disk.lose(path)),
  misdirect: (scene) => onWrongSector(scene, 'write'),
  misread: (scene) => onWrongSector(scene, 'read'),

  'damage-engine': ({ machine: { engine }, random }) => {
    const key = engine.someKey(random.uint32());
    if (!key) return false;
    engine.damage(key);
    return true;
  },

  wipe: ({ world, machine, name }) => {
    if (machine.isRunning) world.powerOff(name);
    machine.wipe();
    return true;
  },
} as const satisfies Readonly<Record<string, Fault>>;

/** The segments of a machine's log, oldest first. */
function logOf({ disk }: Machine): string[] {
  return disk.paths().filter((path) => path.startsWith('log/'));
}

/** Something happens to a segment while nothing runs. The end of a log that is gone with its file cannot be told from one that never was. */
function onOldSegment(
  { world, machine, name, random, startLater }: Scene,
  happen: (path: string) => void,
): boolean {
  const paths = logOf(machine).slice(0, -2);
  if (paths.length === 0) return false;
  if (machine.isRunning) world.powerOff(name);
  startLater(name);
  happen(random.pick(paths));
  return true;
}

/** A transfer of the log's goes to, or comes from, another sector. Not while it starts: there it would be the end of the log. */
function onWrongSector(scene: Scene, kind: Transfer['kind']): boolean {
  const { machine, random } = scene;
  if (!isUp(machine)) return false;
  const { disk, starts } = machine;
  const path = random.pick(logOf(machine));
  const position = SECTOR_BYTES * random.below(disk.content(path).length / SECTOR_BYTES);
  return lieOnce(scene, (transfer) => {
    if (machine.starts !== starts || transfer.kind !== kind || transfer.path !== path) {
      return undefined;
    }
    return { ...transfer, position };
  });
}

/** Once within a while. It is told when it comes to pass. */
function lieOnce(
  { machine: { disk }, until, happened }: Scene,
  lie: (transfer: Transfer) => Transfer | undefined,
): boolean {
  const once = (transfer: Transfer) => {
    const other = lie(transfer);
    if (other === undefined) return undefined;
    disk.lie = undefined;
    happened();
    return other;
  };
  disk.lie = once;
  until(10_000, () => {
    if (disk.lie === once) disk.lie = undefined;
  });
  return false;
}
