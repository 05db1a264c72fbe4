import type { Chronicle } from '../chronicle.ts';
import type { SimRandom } from '../random.ts';
import type { World } from '../world.ts';
import { DAMAGE, DISK_FAULTS } from './disk-faults.ts';
import { MEMBER_FAULTS } from './member-faults.ts';
import { NETWORK_FAULTS } from './network-faults.ts';
import { canDoWithout, type Operator } from './operator.ts';
import { PROCESS_FAULTS } from './process-faults.ts';
import { type Fault, HOLD_MS, type Scene, type Way } from './scene.ts';

const TABLE = {
  ...PROCESS_FAULTS,
  ...NETWORK_FAULTS,
  ...DISK_FAULTS,
  ...MEMBER_FAULTS,
  ...DAMAGE,
};

/** What can happen to a world. `--faults` names them. */
export type FaultKind = keyof typeof TABLE;

export const FAULTS = Object.keys(TABLE) as readonly FaultKind[];

const RESTART_MS = [50, 4_000] as const;
const BETWEEN_MS = [50, 2_500] as const;
/** A process that ended by itself is started again by whoever supervises it. */
const SUPERVISOR_MS = [200, 1_500] as const;
const DAMAGE_ONCE_IN = 8;
const NO_ROOM = /no room on the disk/;

/**
 * Draws faults one after the other, several at a time: most begin something that ends by itself some time later. Everything is
 * over after {@link heal}.
 */
export class Faults {
  readonly counts = new Map<FaultKind, number>();
  readonly #world: World;
  readonly #random: SimRandom;
  readonly #kinds: readonly FaultKind[];
  readonly #operator: Operator;
  readonly #sick: string;
  readonly #chronicle: Chronicle;
  /** Switched off on purpose, for now. */
  readonly #down = new Set<string>();
  /** What is to be taken back when all is to be well. */
  readonly #undo = new Set<() => void>();
  #hasDamaged = false;
  #over = false;

  constructor(
    world: World,
    random: SimRandom,
    kinds: readonly FaultKind[],
    operator: Operator,
    chronicle: Chronicle,
  ) {
    this.#world = world;
    this.#chronicle = chronicle;
    this.#random = random;
    this.#kinds = kinds;
    this.#operator = operator;
    this.#sick = random.pick(world.machines).name;
    if (kinds.length > 0) this.#next();
    this.#supervise();
  }

  /** The machine whose disk did not keep what it took, if there is one. */
  get damaged(): string | undefined {
    return this.#world.machines.some(({ name }) => this.hasLied(name)) ? this.#sick : undefined;
  }

  /** Such a machine, where machines may be replaced. */
  get toReplace(): string | undefined {
    return this.#kinds.includes('lose-node') ? this.damaged : undefined;
  }

  /** It did not keep what it took, or had not when it went. */
  hasLied(name: string): boolean {
    return this.#hasDamaged && name === this.#sick;
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
      this.#draw(this.#random.pick(this.#kinds));
      this.#next();
    });
  }

  /** Whoever is not running and is not meant to be is started. */
  #supervise(): void {
    const world = this.#world;
    world.time.after(this.#random.between(...SUPERVISOR_MS), () => {
      for (const { name, isRunning, exits } of world.machines) {
        // An empty directory in the place of an old one is refused by all, and its operator told. Room may come.
        const last = exits.at(-1);
        if (last?.kind === 'refused' && !NO_ROOM.test(last.reason)) continue;
        if (!isRunning && (this.#over || !this.#down.has(name))) world.launch(name);
      }
      this.#supervise();
    });
  }

  #draw(kind: FaultKind): void {
    const isDamage = kind in DAMAGE;
    const names = this.#world.machines.map(({ name }) => name);
    if (isDamage && !(this.#canDamage(names) && this.#random.once(DAMAGE_ONCE_IN))) return;
    const name = isDamage ? this.#sick : this.#random.pick(names);
    const others = this.#world.others(name);
    const happened = () => {
      if (isDamage) this.#hasDamaged = true;
      this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
      this.#chronicle.tell(`${kind}, of ${name}`);
    };
    const other = others.length > 0 ? this.#random.pick(others) : name;
    const fault: Fault = TABLE[kind];
    if (fault(this.#scene(name, other, names, happened))) happened();
  }

  /** Who loses what is on its disk needs others that have everything. */
  #canDamage(names: readonly string[]): boolean {
    const sick = this.#sick;
    if (this.#hasDamaged || this.#operator.isReplacing || !names.includes(sick)) return false;
    // World 9636 of five nodes: a node was being drained, and the third of those that stayed was damaged.
    return canDoWithout(this.#world, sick) && !this.#operator.needs(sick);
  }

  #scene(name: string, other: string, names: readonly string[], happened: () => void): Scene {
    const world = this.#world;
    const random = this.#random;
    return {
      world,
      random,
      machine: world.machine(name),
      name,
      other,
      names,
      damaged: this.damaged,
      operator: this.#operator,
      later: (ms, run) => this.#later(ms, run),
      until: (ms, end) => this.#until(ms, end),
      startLater: (which, ms = random.between(...RESTART_MS)) => {
        this.#down.add(which);
        this.#later(ms, () => this.#down.delete(which));
      },
      cut: (ways: readonly Way[], ms = random.between(...HOLD_MS)) => {
        for (const [from, to] of ways) world.network.cut(from, to);
        this.#until(ms, () => {
          for (const [from, to] of ways) world.network.mend(from, to);
        });
      },
      happened,
    };
  }

  #later(ms: number, run: () => void): void {
    this.#world.time.after(ms, () => {
      if (!this.#over) run();
    });
  }

  #until(ms: number, end: () => void): void {
    this.#undo.add(end);
    this.#world.time.after(ms, () => {
      if (this.#undo.delete(end)) end();
    });
  }
}
