import type { Chronicle } from '../chronicle.ts';
import type { Machine } from '../machine.ts';
import type { SimRandom } from '../random.ts';
import type { World } from '../world.ts';

/** What can happen to a world. `--faults` names them. */
export const FAULTS = [
  'kill',
  'power',
  'power-all',
  'power-at-vote',
  'power-at-write',
  'power-at-commit',
  'pause',
  'stop',
  'crash-loop',
  'partition',
  'isolate-leader',
  'cut-at-transfer',
  'bridge',
  'ring',
  'one-way',
  'flap',
  'clog',
  'half-open',
  'loss',
  'tail',
  'corrupt',
  'reset',
  'slow-disk',
  'stall-disk',
  'fail-disk',
  'full-disk',
  'slow-engine',
  'fail-engine',
  'clock-jump',
  'loop-stall',
  'damage-log',
  'misdirect',
  'damage-engine',
  'wipe',
] as const;

export type FaultKind = (typeof FAULTS)[number];

/** Damage is for good until membership can change, so a world has at most one machine that suffers it, and once. */
const DAMAGE: readonly FaultKind[] = ['damage-log', 'misdirect', 'damage-engine', 'wipe'];

const RESTART_MS = [50, 4_000] as const;
const HOLD_MS = [100, 4_000] as const;
const BETWEEN_MS = [50, 2_500] as const;
const WEATHER_MS = [1_000, 10_000] as const;
/** A process that ended by itself is started again by whoever supervises it. */
const SUPERVISOR_MS = [200, 1_500] as const;
const DAMAGE_ONCE_IN = 8;

/**
 * Draws faults one after the other, several at a time: most begin something that ends by itself some time later. Everything is
 * over after {@link heal}.
 */
export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #world: World;
  readonly #random: SimRandom;
  readonly #kinds: readonly FaultKind[];
  readonly #sick: string;
  readonly #chronicle: Chronicle;
  #hasDamaged = false;
  #over = false;
  /** What is to be taken back when all is to be well. */
  readonly #undo = new Set<() => void>();

  constructor(world: World, random: SimRandom, kinds: readonly FaultKind[], chronicle: Chronicle) {
    this.#world = world;
    this.#chronicle = chronicle;
    this.#random = random;
    this.#kinds = kinds;
    this.#sick = random.pick(world.machines).name;
    if (kinds.length > 0) this.#next();
    this.#supervise();
  }

  /** The machine whose disk did not keep what it took, if there is one. */
  get damaged(): string | undefined {
    return this.#hasDamaged ? this.#sick : undefined;
  }

  /** No more faults, and what they did is taken back: the world is well, once it has come to rest. */
  heal(): void {
    this.#over = true;
    for (const undo of this.#undo) undo();
    this.#undo.clear();
    this.#world.heal();
    for (const machine of this.#world.machines) {
      this.#world.resume(machine.name);
      machine.wallErrorMs = 0;
    }
  }

  #next(): void {
    this.#world.time.after(this.#random.between(...BETWEEN_MS), () => {
      if (this.#over) return;
      this.#happen(this.#random.pick(this.#kinds));
      this.#next();
    });
  }

  /** Whoever is not running and is not meant to be is started. */
  #supervise(): void {
    const { world, random } = { world: this.#world, random: this.#random };
    world.time.after(random.between(...SUPERVISOR_MS), () => {
      for (const { name, isRunning, exits } of world.machines) {
        // An empty directory in the place of an old one is refused by all, and its operator told.
        if (exits.at(-1)?.kind === 'refused') continue;
        if (!isRunning && (this.#over || !this.#down.has(name))) world.launch(name);
      }
      this.#supervise();
    });
  }

  /** Switched off on purpose, for now. */
  readonly #down = new Set<string>();

  #happen(kind: FaultKind): void {
    const world = this.#world;
    const random = this.#random;
    const names = world.machines.map(({ name }) => name);
    const name = DAMAGE.includes(kind) ? this.#sick : random.pick(names);
    const machine = world.machine(name);
    const others = world.others(name);
    const other = others.length > 0 ? random.pick(others) : name;
    // Who loses a disk for good needs two others that have everything.
    if (DAMAGE.includes(kind) && others.length < 2) return;
    if (DAMAGE.includes(kind) && (this.#hasDamaged || !random.once(DAMAGE_ONCE_IN))) return;
    const isUp = machine.isRunning && !machine.process?.isPaused && machine.node !== undefined;
    switch (kind) {
      case 'kill':
        if (!machine.isRunning) return;
        world.kill(name);
        this.#startLater(name);
        break;
      case 'power':
        if (!machine.isRunning) return;
        world.powerOff(name);
        this.#startLater(name);
        break;
      case 'power-all':
        if (!random.once(4)) return;
        for (const each of world.machines) {
          if (each.isRunning) world.powerOff(each.name);
          this.#startLater(each.name);
        }
        break;
      case 'power-at-vote': {
        // What was promised in that moment was not yet written.
        const terms = termsOf(machine);
        if (!terms) return;
        const look = () => {
          const now = termsOf(machine);
          if (this.#over || !now) return;
          if (now === terms) {
            world.time.after(1, look);
            return;
          }
          world.powerOff(name);
          this.#startLater(name, 100);
        };
        look();
        break;
      }
      case 'power-at-write':
      case 'power-at-commit': {
        const what = kind === 'power-at-write' ? 'disk' : 'engine';
        const isEnd = random.once(2);
        let left = 1 + random.below(what === 'disk' ? 60 : 12);
        machine.onStep = (of, takesMs) => {
          if (of !== what || isEnd !== (takesMs === 'done') || --left > 0) return;
          machine.onStep = undefined;
          const off = () => {
            if (!machine.isRunning) return;
            world.powerOff(name);
            this.#startLater(name);
          };
          if (takesMs === 'done') off();
          else this.#later(random.between(0, takesMs), off);
        };
        this.#undo.add(() => {
          machine.onStep = undefined;
        });
        break;
      }
      case 'crash-loop':
        for (let i = 0; i < 4; i++) {
          this.#later(random.between(0, 4_000), () => {
            if (machine.isRunning) world.kill(name);
          });
        }
        break;
      case 'pause':
        world.pause(name);
        this.#until(random.between(...HOLD_MS), () => world.resume(name));
        break;
      case 'loop-stall':
        world.pause(name);
        this.#until(random.between(20, 400), () => world.resume(name));
        break;
      case 'stop':
        if (!isUp) return;
        this.#down.add(name);
        machine.stop().catch(() => {});
        this.#startLater(name);
        break;
      case 'partition': {
        const side = names.filter(() => random.once(2));
        const rest = names.filter((each) => !side.includes(each));
        this.#cut(side.flatMap((a) => rest.flatMap((b) => both(a, b))));
        break;
      }
      case 'isolate-leader': {
        const group = random.below(names.length + 1);
        const leader = world.leader(group)?.name;
        if (leader === undefined) return;
        this.#cut(world.others(leader).flatMap((b) => both(leader, b)));
        // What it goes on to append is on its way to the disk when another leader replaces it.
        if (random.once(2)) world.machine(leader).stallDisk(random.between(1_000, 6_000));
        break;
      }
      case 'cut-at-transfer': {
        // It tells another one to lead, and hears nothing of what comes of it.
        const group = random.below(names.length + 1);
        const leader = world.leader(group);
        const replica = leader?.created?.replicas.get(group);
        const next = replica?.raft.config.incoming.find(({ id }) => id !== replica.id);
        if (!leader || !replica || !next) return;
        this.#cut(world.others(leader.name).map((from) => [from, leader.name]));
        replica.transferLeader(next.id);
        break;
      }
      case 'bridge': {
        // Two halves that only one machine reaches both of.
        const rest = world.others(name);
        const half = rest.slice(0, rest.length >> 1);
        const others = rest.slice(rest.length >> 1);
        this.#cut(half.flatMap((a) => others.flatMap((b) => both(a, b))));
        break;
      }
      case 'ring': {
        const isNext = (a: number, b: number) =>
          (a + 1) % names.length === b || (b + 1) % names.length === a;
        const pairs = names.flatMap((a, i) =>
          names.flatMap((b, j) => (i < j && !isNext(i, j) ? both(a, b) : [])),
        );
        // Three machines in a ring are all neighbours: one pair is cut, which is the least of rings.
        this.#cut(pairs.length > 0 ? pairs : both(name, other));
        break;
      }
      case 'one-way':
        this.#cut([[name, other]]);
        break;
      case 'flap':
        for (let at = 0; at < 5_000; at += random.between(200, 1_500)) {
          this.#later(at, () => this.#cut(both(name, other), 100 + random.below(400)));
        }
        break;
      case 'clog': {
        const ms = random.between(20, 1_500);
        world.network.clog(name, other, ms);
        this.#until(random.between(...HOLD_MS), () => world.network.clog(name, other, 0));
        break;
      }
      case 'half-open':
        world.network.halfOpen(name, other);
        break;
      case 'loss':
        this.#weather({ lossOnceIn: 5 + random.below(50) });
        break;
      case 'tail':
        this.#weather({ tailOnceIn: 10 + random.below(100) });
        break;
      case 'corrupt':
        this.#weather({ corruptOnceIn: 100 + random.below(1_000) });
        break;
      case 'reset':
        this.#weather({ resetOnceIn: 100 + random.below(1_000) });
        break;
      case 'slow-disk': {
        const usual = machine.diskLatencyMs;
        const worst = random.between(2, 60);
        machine.diskLatencyMs = [usual[0], worst];
        this.#until(random.between(...HOLD_MS), () => {
          machine.diskLatencyMs = usual;
        });
        break;
      }
      case 'stall-disk':
        machine.stallDisk(random.between(100, 5_000));
        break;
      case 'fail-disk': {
        let left = 1 + random.below(20);
        const { disk } = machine;
        disk.fault = ({ kind: call }) => {
          if ((call !== 'write' && call !== 'sync') || --left > 0) return undefined;
          disk.fault = undefined;
          return 'failed';
        };
        this.#until(random.between(...HOLD_MS), () => {
          disk.fault = undefined;
        });
        break;
      }
      case 'full-disk': {
        const { disk, engine } = machine;
        disk.capacityBytes = disk.usedBytes + random.below(64 * 1024);
        engine.capacityBytes = engine.bytes + random.below(16 * 1024);
        this.#until(random.between(500, 8_000), () => {
          machine.disk.capacityBytes = Number.POSITIVE_INFINITY;
          machine.engine.capacityBytes = Number.POSITIVE_INFINITY;
        });
        break;
      }
      case 'slow-engine': {
        const held: (() => void)[] = [];
        machine.holdEngine = (step) => held.push(step);
        this.#until(random.between(...HOLD_MS), () => {
          machine.holdEngine = undefined;
          for (const step of held) step();
        });
        break;
      }
      case 'fail-engine': {
        const { engine } = machine;
        engine.fault = () => {
          engine.fault = undefined;
          return 'failed';
        };
        this.#until(random.between(...HOLD_MS), () => {
          engine.fault = undefined;
        });
        break;
      }
      case 'clock-jump':
        machine.wallErrorMs += random.between(-3_600_000, 3_600_000);
        break;
      case 'wipe':
        if (machine.isRunning) world.powerOff(name);
        machine.wipe();
        this.#hasDamaged = true;
        break;
      case 'damage-log': {
        const path = this.#segment(name);
        if (path === undefined) return;
        const length = machine.disk.content(path).length;
        machine.disk.flip(path, random.below(length), 1 << random.below(8));
        this.#hasDamaged = true;
        break;
      }
      case 'misdirect': {
        const path = this.#segment(name);
        if (path === undefined) return;
        machine.disk.misdirect(path, random.below(machine.disk.content(path).length));
        this.#hasDamaged = true;
        break;
      }
      case 'damage-engine': {
        const key = machine.engine.someKey(random.uint32());
        if (!key) return;
        machine.engine.damage(key);
        this.#hasDamaged = true;
        break;
      }
    }
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    this.#chronicle.tell(`${kind}, of ${name}`);
  }

  /** A segment of the log of a machine. */
  #segment(name: string): string | undefined {
    const paths = this.#world
      .machine(name)
      .disk.paths()
      .filter((path) => path.startsWith('log/'));
    return paths.length > 0 ? this.#random.pick(paths) : undefined;
  }

  #startLater(name: string, ms = this.#random.between(...RESTART_MS)): void {
    this.#down.add(name);
    this.#later(ms, () => this.#down.delete(name));
  }

  #cut(ways: readonly (readonly [from: string, to: string])[], ms?: number): void {
    for (const [from, to] of ways) this.#world.network.cut(from, to);
    this.#until(ms ?? this.#random.between(...HOLD_MS), () => {
      for (const [from, to] of ways) this.#world.network.mend(from, to);
    });
  }

  #weather(change: Partial<World['network']['weather']>): void {
    const { network } = this.#world;
    const before = network.weather;
    network.weather = { ...before, ...change };
    this.#until(this.#random.between(...WEATHER_MS), () => {
      network.weather = { ...network.weather, ...zeroed(change) };
    });
  }

  #later(ms: number, run: () => void): void {
    this.#world.time.after(ms, () => {
      if (!this.#over) run();
    });
  }

  /** Ends something after a while, or when all is to be well. */
  #until(ms: number, end: () => void): void {
    this.#undo.add(end);
    this.#world.time.after(ms, () => {
      if (this.#undo.delete(end)) end();
    });
  }
}

/** The terms of all replicas on a machine, in one text. */
function termsOf({ created }: Machine): string | undefined {
  return created && [...created.replicas.all()].map(({ term }) => term).join();
}

function both(a: string, b: string): (readonly [string, string])[] {
  return [
    [a, b],
    [b, a],
  ];
}

function zeroed<T extends object>(change: T): { [Key in keyof T]: number } {
  return Object.fromEntries(Object.keys(change).map((key) => [key, 0])) as {
    [Key in keyof T]: number;
  };
}
