import { describe, expect, test } from 'vitest';
import { utf8Text } from '../../src/bytes/index.ts';
import type { Table } from '../../src/controller/index.ts';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import type { World } from '../../src/sim/index.ts';
import {
  addOf,
  createTable,
  formedWorld,
  keyOf,
  makeWorld,
  put,
  routerOf,
} from '../support/world.ts';

const KB = 1024;
const MEMTABLE_BYTES = 64 * KB;
const HARD_BYTES = 3 * MEMTABLE_BYTES;
const NAMES = ['n1', 'n2', 'n3'];

/** Counters in large items: the entries are small, and what they change is not. */
class Counters {
  readonly #world: World;
  readonly #table: Table;
  readonly #itemBytes: number;
  readonly keys: readonly string[];
  /** By key: what was told to be there, and what may be there at most. */
  readonly told = new Map<string, number>();
  readonly tried = new Map<string, number>();
  readonly kinds: string[] = [];

  private constructor(world: World, table: Table, count: number, itemBytes: number) {
    this.#world = world;
    this.#table = table;
    this.#itemBytes = itemBytes;
    this.keys = Array.from({ length: count }, (_, i) => `k${i}`);
  }

  static async make(world: World, count: number, itemBytes = 100 * KB): Promise<Counters> {
    const counters = new Counters(world, await createTable(world, 't'), count, itemBytes);
    const text = 'x'.repeat(itemBytes);
    for (const key of counters.keys) {
      const { kind } = await world.settle(put(routerOf(world, 'n1'), counters.#table, key, text));
      expect(kind).toBe('written');
    }
    return counters;
  }

  /** Adds one to the key through that node; resolves to how that ended. */
  async add(key: string, via: string): Promise<string> {
    this.tried.set(key, (this.tried.get(key) ?? 0) + 1);
    const router = routerOf(this.#world, via);
    const outcome = await router.write(this.#table, keyOf(key), addOf(key));
    this.kinds.push(outcome.kind);
    if (outcome.kind === 'written' && outcome.attributes) {
      const { N } = JSON.parse(utf8Text(outcome.attributes)).n;
      this.told.set(key, Math.max(Number(N), this.told.get(key) ?? 0));
    }
    return outcome.kind;
  }

  /** All keys at once, `times` each, through the nodes in turn. */
  addAll(times: number, via = NAMES): Promise<string[]> {
    const adds = this.keys.flatMap((key, k) =>
      Array.from({ length: times }, (_, i) => this.add(key, via[(k + i) % via.length] as string)),
    );
    return Promise.all(adds);
  }

  /** While time passes: reads everything consistently through the node; resolves to what is wrong, and to the slowest read in milliseconds. */
  async check(via: string): Promise<{ readonly wrong: readonly string[]; readonly ms: number }> {
    const { time } = this.#world;
    const wrong: string[] = [];
    let ms = 0;
    for (const key of this.keys) {
      const startedAt = time.now;
      const reading = routerOf(this.#world, via).read(this.#table, keyOf(key), true);
      const found = await reading;
      ms = Math.max(ms, time.now - startedAt);
      const json = found.kind === 'found' && found.item && JSON.parse(utf8Text(found.item.json));
      const n = Number(json ? (json.n?.N ?? 0) : Number.NaN);
      const [least, most] = [this.told.get(key) ?? 0, this.tried.get(key) ?? 0];
      if (!(n >= least && n <= most) || json?.v.S.length !== this.#itemBytes) {
        wrong.push(`${key} via ${via}: ${found.kind} ${n}, not ${least} to ${most}`);
      }
    }
    return { wrong, ms };
  }
}

const LIMITS = { memtableBytes: MEMTABLE_BYTES, logSegmentBytes: 4 * 1024 * KB };

function fill(world: World, names = NAMES): void {
  for (const name of names) {
    const { engine, disk } = world.machine(name);
    engine.capacityBytes = engine.bytes;
    disk.capacityBytes = disk.usedBytes;
  }
}

function free(world: World): void {
  for (const { engine, disk } of world.machines) {
    engine.capacityBytes = Number.POSITIVE_INFINITY;
    disk.capacityBytes = Number.POSITIVE_INFINITY;
  }
}

async function expectReadable(world: World, counters: Counters, via = NAMES): Promise<void> {
  for (const name of via) {
    const { wrong, ms } = await world.settle(counters.check(name));
    expect(wrong).toEqual([]);
    expect(ms).toBeLessThan(1_000);
  }
}

async function expectHealed(world: World, counters: Counters): Promise<void> {
  free(world);
  await world.run(8_000);
  const kinds = await world.settle(counters.addAll(1));
  expect(new Set(kinds)).toEqual(new Set(['written']));
  await expectReadable(world, counters);
  await world.run(1_000);
  expect(differences(world)).toEqual([]);
  expect(world.failures).toEqual([]);
}

function memtableBytes(world: World, name: string): number {
  const held = [...(world.machine(name).node?.replicas.all() ?? [])];
  return held.reduce((sum, { state }) => sum + state.memtableBytes, 0);
}

/** Writes until nothing is taken any more. */
async function writeUntilRefused(world: World, counters: Counters, via = NAMES): Promise<void> {
  for (let rounds = 0; rounds < 200; rounds++) {
    const kinds = await world.settle(counters.addAll(2, via));
    if (!kinds.includes('written')) return;
  }
  throw new Error('everything is taken');
}

describe('a full disk', { timeout: 60_000 }, () => {
  test.each([1, 2, 3, 4])(
    '[L4] [F7] under all nodes: whatever was acknowledged is read consistently, and it heals (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed, { limits: LIMITS });
      const counters = await Counters.make(world, 12);
      await world.run(1_000);
      fill(world);
      await writeUntilRefused(world, counters);
      await expectReadable(world, counters);
      for (let i = 0; i < 20; i++) await world.settle(counters.addAll(1));
      expect(new Set(counters.kinds.slice(-200))).toEqual(new Set(['overloaded']));
      await expectReadable(world, counters);
      await expectHealed(world, counters);
    },
  );

  test.each([1, 2, 3, 4])(
    '[L4] [F7] [S4] found out late, with memory full and more committed: that is applied yet, within bounds (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed, { limits: LIMITS });
      const counters = await Counters.make(world, 12);
      await world.run(1_000);
      // Flushes are under way for long before they find no room.
      const held: (() => void)[] = [];
      for (const machine of world.machines) machine.holdEngine = (step) => held.push(step);
      const adding = Array.from({ length: 10 }, () => counters.addAll(1));
      await world.run(500);
      expect(counters.kinds).toContain('written');
      const waiting = world.machines.flatMap(({ node }) =>
        [...(node?.replicas.allData() ?? [])].filter(
          ({ replica }) => replica.status.commit > replica.state.appliedIndex,
        ),
      );
      expect(waiting.length).toBeGreaterThan(0);
      for (const { replica } of waiting) {
        expect(replica.state.memtableBytes).toBeGreaterThan(HARD_BYTES);
      }
      fill(world);
      for (const machine of world.machines) machine.holdEngine = undefined;
      for (const step of held) step();
      await world.run(500);
      await expectReadable(world, counters);
      await world.settle(Promise.all(adding));
      await writeUntilRefused(world, counters);
      await expectReadable(world, counters);
      for (const name of NAMES) {
        const most = counters.kinds.length * 101 * KB + HARD_BYTES;
        expect(memtableBytes(world, name)).toBeLessThan(most);
      }
      await expectHealed(world, counters);
    },
  );

  test.each([1, 2, 3, 4])(
    '[L4] [F7] [G6] leaders that change on full disks, engine and log, can still be read from (seed %i)',
    async (seed) => {
      // The log's reserve is a part of a segment, and each change of leaders takes some batches of it.
      const limits = { memtableBytes: 1024 * KB, logSegmentBytes: 256 * KB };
      const world = await formedWorld(seed, { limits });
      const counters = await Counters.make(world, 24, KB);
      await world.run(1_000);
      fill(world);
      await writeUntilRefused(world, counters);
      await expectReadable(world, counters);
      for (let round = 0; round < 3; round++) {
        for (const { node } of world.machines) {
          for (const { replica } of node?.replicas.allData() ?? []) {
            if (replica.isLeader) replica.stepDown();
          }
        }
        await world.run(3_000);
        await expectReadable(world, counters);
        await world.settle(counters.addAll(1));
      }
      await expectHealed(world, counters);
    },
  );

  test.each([1, 2, 3, 4])(
    '[L4] [F7] [F20] a node that ends on a full disk starts again, and reads go on (seed %i)',
    async (seed) => {
      const world = await formedWorld(seed, { limits: LIMITS });
      const counters = await Counters.make(world, 12);
      await world.run(1_000);
      fill(world);
      await writeUntilRefused(world, counters);
      const [first, second] = seed % 2 === 0 ? ['n1', 'n2'] : ['n3', 'n1'];
      for (const name of [first, second] as string[]) {
        world.machine(name).kill();
        await world.run(3_000);
        await expectReadable(
          world,
          counters,
          NAMES.filter((other) => other !== name),
        );
        await world.start();
        await world.run(5_000);
        await expectReadable(world, counters);
      }
      await expectHealed(world, counters);
    },
  );

  test.each([
    [1, 'n1'],
    [2, 'n2'],
    [3, 'n3'],
  ])(
    '[L4] [F7] [R8] under one node: it leaves leading to the others, and the cluster goes on (seed %i, %s)',
    async (seed, name) => {
      const world = await formedWorld(seed, { limits: LIMITS });
      const counters = await Counters.make(world, 12);
      await world.run(1_000);
      fill(world, [name]);
      for (let i = 0; i < 30; i++) await world.settle(counters.addAll(1));
      await world.run(5_000);
      const led = [...(world.machine(name).node?.replicas.all() ?? [])].filter((r) => r.isLeader);
      expect(led).toEqual([]);
      const from = counters.kinds.length;
      for (let i = 0; i < 20; i++) {
        await world.settle(counters.addAll(1));
        await expectReadable(world, counters, [name]);
      }
      expect(new Set(counters.kinds.slice(from))).toEqual(new Set(['written']));
      await expectHealed(world, counters);
      await world.run(40_000);
      const again = [...(world.machine(name).node?.replicas.all() ?? [])].some((r) => r.isLeader);
      expect(again).toBe(true);
    },
  );

  test.each([1, 2, 3])(
    '[L4] [F7] [S4] under both followers: the leader refuses what they cannot take, at once (seed %i)',
    async (seed) => {
      const limits = { memtableBytes: 1024 * KB, logSegmentBytes: 128 * KB };
      const world = await formedWorld(seed, { limits });
      const counters = await Counters.make(world, 24, KB);
      await world.run(1_000);
      fill(world, ['n2', 'n3']);
      await writeUntilRefused(world, counters);
      // Leading goes to the node that has room, where each leader has yet to find out about its followers.
      await world.run(5_000);
      await world.settle(counters.addAll(2));
      const startedAt = world.time.now;
      const kinds = await world.settle(counters.addAll(2));
      expect(new Set(kinds)).toEqual(new Set(['overloaded']));
      expect(world.time.now - startedAt).toBeLessThan(500);
      await expectReadable(world, counters);
      await expectHealed(world, counters);
    },
  );

  test.each([
    [1, 'n1'],
    [2, 'n2'],
    [3, 'n3'],
  ])(
    '[L4] [S4] a follower whose memory is full, too, takes no more, reads through it go on, and it catches up (seed %i, %s)',
    async (seed, name) => {
      const memory = { memtablesBytesMax: 512 * KB, memtablesReserveBytes: 1024 * KB };
      const world = await formedWorld(seed, { limits: { ...LIMITS, ...memory } });
      const counters = await Counters.make(world, 12);
      await world.run(1_000);
      fill(world, [name]);
      const others = NAMES.filter((other) => other !== name);
      for (let i = 0; i < 20; i++) {
        await world.settle(counters.addAll(1, others));
        // The last entry, and what flushes add, a few hundred bytes here.
        expect(memtableBytes(world, name)).toBeLessThan((512 + 1024 + 101 + 8) * KB);
      }
      expect(memtableBytes(world, name)).toBeGreaterThan((512 + 512) * KB);
      await world.run(5_000);
      const from = counters.kinds.length;
      for (let i = 0; i < 5; i++) await world.settle(counters.addAll(1));
      expect(new Set(counters.kinds.slice(from))).toEqual(new Set(['written']));
      await expectReadable(world, counters);
      await expectHealed(world, counters);
      await world.until(() => areCaughtUp(world));
      expect(differences(world)).toEqual([]);
    },
  );

  test('[F7] [C6] without room for a new replica the node waits for it, and the group works without', async () => {
    const world = makeWorld(1);
    const late = world.machine('n3');
    late.engine.capacityBytes = 0;
    await world.start();
    await world.until(() => world.leader(0) !== undefined, 10_000);
    const counters = await Counters.make(world, 12, KB);
    expect(await world.settle(counters.addAll(1, ['n1', 'n2']))).not.toContain('unavailable');
    await world.run(5_000);
    expect([...(late.node?.replicas.all() ?? [])]).toEqual([]);
    expect(late.notices.filter((notice) => notice.includes('no room for'))).toHaveLength(1);
    await expectReadable(world, counters, ['n1', 'n2']);
    late.engine.capacityBytes = Number.POSITIVE_INFINITY;
    await world.run(5_000);
    expect([...(late.node?.replicas.all() ?? [])]).toHaveLength(4);
    await expectHealed(world, counters);
  });
});
