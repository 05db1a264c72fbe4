import { Checks } from '../check/checks.ts';
import { differences, miscounted } from '../check/contents.ts';
import { InvariantError } from '../check/raft-invariants.ts';
import { Chronicle, type Happening } from '../chronicle.ts';
import { FAULTS, type FaultKind, Faults } from '../faults/faults.ts';
import { Operator } from '../faults/operator.ts';
import { SimRandom } from '../random.ts';
import type { Host } from '../virtual-time.ts';
import { World } from '../world.ts';
import { SimBuggify } from './buggify.ts';
import { Clients } from './clients.ts';
import { type Drawn, draw } from './drawn.ts';
import { Layout, TABLE } from './items.ts';
import { comeToRest } from './rest.ts';

export interface RunOptions {
  readonly seed: number;
  readonly host: Host;
  readonly nodes: number;
  /** Simulated, of the time with faults. */
  readonly minutes: number;
  /** Those that may be drawn; all unless told. */
  readonly faults?: readonly FaultKind[];
  /** In place of what the seed would draw. */
  readonly drawn?: Partial<Drawn>;
  /** Called a few times a simulated minute. */
  readonly onProgress?: (simulatedMs: number) => void;
  /** Called after each event, and for what is worth telling in words. */
  readonly onEvent?: (event: SimulatedEvent) => void;
  readonly onHappening?: (happening: Happening) => void;
}

export interface SimulatedEvent {
  readonly event: number;
  readonly at: number;
  readonly kind: string;
  /** Whose it was; undefined for the world itself. */
  readonly process: string | undefined;
}

/** `correctness`: a promise was broken. `liveness`: the world did not come to rest. `crash`: a node, or the simulator, fell over. */
export type Outcome = 'clean' | 'correctness' | 'liveness' | 'crash';

export interface Report {
  readonly outcome: Outcome;
  readonly seed: number;
  readonly drawn: Drawn;
  /** What is wrong, in words. */
  readonly wrong: readonly string[];
  /** The last things worth telling before the end, oldest first. */
  readonly last: readonly Happening[];
  readonly events: number;
  readonly simulatedMs: number;
  /** The hash of every event in order. */
  readonly trace: string;
  /** How often each fault, each site and each rare path occurred. */
  readonly occurred: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<string, number>;
}

/** A process that ended for these reasons did what it should: its disk failed; or, on a machine whose disk lied, what was on it. */
const FAILED_DISK = /injected|refused/;
const LYING_DISK = /damaged|injected|refused/;
/** No reason at all where the disk only lost what was never synced: a torn end of the log is no damage (L2). */
const STANDS_BACK = /is quarantined/;
const FORMATION_MS_MAX = 60_000;
const PROGRESS_MS = 10_000;
/** Runs one world: clients and faults for a while, then all is healed and must come to rest, and what clients saw is checked. */
export async function runWorld(options: RunOptions): Promise<Report> {
  const { seed, minutes, onProgress } = options;
  const random = new SimRandom(seed, 'options');
  const buggify = new SimBuggify(new SimRandom(seed, 'buggify'), options.drawn?.buggify);
  const { nodes, faults: kinds = FAULTS, drawn: given = {} } = options;
  const drawn = draw(nodes, kinds, given, random, buggify);
  const { logSegmentBytes, memtableBytes, splitBytes, splitPerSecond } = drawn;
  const { listedMax, retryBlockBytes, sliceItems, uncommittedBytesMax } = drawn;
  const world = new World({
    ...drawn,
    seed,
    host: options.host,
    buggify: buggify.ask,
    resharding: { splitBytes, splitPerSecond, splitAfterMs: 3_000, mergeAfterMs: 15_000 },
    limits: {
      logSegmentBytes,
      memtableBytes,
      flushPartBytes: memtableBytes >> 3,
      replica: { logBytesKept: 8 * 1024, uncommittedBytesMax },
      machine: { listed: { min: listedMax, perItem: 0 }, retryBlockBytes, sliceItems },
    },
  });
  const { time } = world;
  const chronicle = new Chronicle(
    () => ({ event: time.events, at: time.now }),
    options.onHappening,
  );
  const checks = new Checks(world, chronicle, uncommittedBytesMax);
  time.onEvent = (owner, kind) => {
    options.onEvent?.({ event: time.events, at: time.now, kind, process: owner?.name });
    checks.onEvent(owner);
  };
  const operator = new Operator(world, new SimRandom(seed, 'operator'), chronicle, drawn);
  let clients: Clients | undefined;
  let faults: Faults | undefined;
  const wrong: string[] = [];
  let outcome: Outcome = 'clean';
  const blame = (kind: Outcome, what: string) => {
    if (outcome === 'clean') outcome = kind;
    wrong.push(what);
  };
  try {
    buggify.isOn = false;
    await world.start();
    await world.until(() => world.isReady, FORMATION_MS_MAX);
    await createTable(world, new Layout(drawn.partitionItems));
    buggify.isOn = true;
    clients = new Clients(world, { seed, ...drawn });
    faults = new Faults(world, new SimRandom(seed, 'faults'), drawn.faults, operator, chronicle);
    const end = world.time.now + 60_000 * minutes;
    while (world.time.now < end) {
      await world.run(Math.min(PROGRESS_MS, end - world.time.now));
      onProgress?.(world.time.now);
    }
    chronicle.tell('all is healed');
    faults.heal();
    buggify.isOn = false;
    const answered = clients.successes;
    const restless = await comeToRest(world, clients, faults, operator);
    if (restless !== undefined) blame('liveness', `long after all was healed ${restless}`);
    else await world.settle(clients.readAtRest());
    if (answered === 0) blame('liveness', 'no operation was ever answered');
    for (const difference of differences(world)) blame('correctness', `[S3] ${difference}`);
    for (const count of miscounted(world)) blame('correctness', `[C3] ${count}`);
  } catch (error) {
    blameExits(world, faults, blame);
    blame(error instanceof InvariantError ? 'correctness' : 'crash', textOf(error));
  }
  // What is still under way is in no history, and may have taken effect.
  if (clients?.isIdle) for (const fault of clients.faults()) blame('correctness', fault);
  if (outcome === 'clean') blameExits(world, faults, blame);
  return {
    outcome,
    seed,
    drawn,
    wrong,
    last: chronicle.last,
    events: world.time.events,
    simulatedMs: world.time.now,
    trace: world.trace,
    occurred: occurred(world, checks, buggify, operator, faults, clients),
    outcomes: clients?.outcomes ?? new Map(),
  };
}

/** Processes end by themselves when their disks fail or lie, and for no other reason. */
function blameExits(
  world: World,
  faults: Faults | undefined,
  blame: (kind: Outcome, what: string) => void,
): void {
  for (const { name, exits, notices } of world.allMachines) {
    const hasLied = faults?.hasLied(name) ?? false;
    const expected = hasLied ? LYING_DISK : FAILED_DISK;
    const notice = notices.find((text) => STANDS_BACK.test(text));
    if (notice !== undefined && !hasLied) blame('correctness', `[L2] ${name}: ${notice}`);
    for (const { kind, reason, error } of exits) {
      const isPromise = error instanceof InvariantError;
      if (kind === 'failed' && (isPromise || !expected.test(reason))) {
        blame(isPromise ? 'correctness' : 'crash', `${name}: ${textOf(error)}`);
      }
      if (/differs from the majority/.test(reason)) blame('correctness', `[S3] ${name}: ${reason}`);
    }
  }
}

async function createTable(world: World, { hasSortKey }: Layout): Promise<void> {
  const { router } = world.machines[0] ?? {};
  if (!router) throw new Error('no node runs');
  const outcome = await world.settle(
    router.createTable({
      name: TABLE,
      partitionKey: { name: 'pk', type: 'S' },
      sortKey: hasSortKey ? { name: 'sk', type: 'N' } : undefined,
      billingMode: 'PAY_PER_REQUEST',
      readCapacity: 0,
      writeCapacity: 0,
      deletionProtection: false,
      tableClass: 'STANDARD',
      tags: [],
    }),
  );
  if (outcome.kind !== 'created') throw new Error(`create-table: ${outcome.kind}`);
  const isActive = () =>
    world.machines.every(({ node }) => node?.map.tables[0]?.status === 'ACTIVE');
  await world.until(isActive);
}

/** Paths that are rarely taken, by what nodes say of them. */
const NOTICES: Readonly<Record<string, RegExp>> = {
  'a snapshot was installed': /caught up by a snapshot/,
  'a log ended in a torn write': /never finished/,
  'a disk was full': /no room/,
  'a disk had room again': /has room again/,
  'a replica went into quarantine': /quarantine|counts for nothing/,
  'a node left leading to others': /others shall lead/,
  'a shard was copied anew': /is copied anew/,
};

function occurred(
  world: World,
  checks: Checks,
  buggify: SimBuggify,
  operator: Operator,
  faults: Faults | undefined,
  clients: Clients | undefined,
): Map<string, number> {
  const counts = new Map<string, number>();
  const add = (what: string, count: number) => counts.set(what, (counts.get(what) ?? 0) + count);
  for (const [kind, count] of faults?.counts ?? []) add(`fault: ${kind}`, count);
  for (const [site, count] of buggify.counts) add(`buggify: ${site}`, count);
  for (const [deed, count] of operator.counts) add(deed, count);
  for (const [operation, count] of clients?.answered ?? []) add(`answered: ${operation}`, count);
  const { lost, tail, corrupt, reset } = world.network.counts;
  add('network: a parcel was lost', lost);
  add('network: a parcel took long', tail);
  add('network: a bit was wrong', corrupt);
  add('network: a connection was reset', reset);
  add('a replica in quarantine began anew', checks.renewals);
  add('raft: elections', checks.elections);
  add('raft: conflicts', checks.conflicts);
  add('raft: entries committed', checks.committed);
  add('shards: came to another group', checks.resharding.moves);
  add('shards: split', checks.resharding.splits);
  add('shards: merged', checks.resharding.merges);
  for (const [type, count] of checks.messages) add(`raft: ${type}`, count);
  for (const { notices, exits, starts } of world.allMachines) {
    add('processes started', starts);
    add('processes that ended by themselves', exits.length);
    for (const notice of notices) {
      for (const [what, pattern] of Object.entries(NOTICES)) if (pattern.test(notice)) add(what, 1);
    }
  }
  return counts;
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
