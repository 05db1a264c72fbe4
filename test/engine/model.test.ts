import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fromHex, toHex, utf8 } from '../../src/bytes/index.ts';
import {
  type Engine,
  MemoryEngine,
  openReplicaStates,
  type Reader,
  type ReplicaState,
  type ReplicaView,
  type Write,
  writeSnapshot,
} from '../../src/engine/index.ts';
import { openLmdb } from '../../src/engine/lmdb/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { Prng } from '../support/prng.ts';
import { collect } from './contract.ts';

/** A state by its keys and values in hex, sorted by key. */
type Model = ReadonlyMap<string, string>;

const KEYS = Array.from({ length: 40 }, (_, i) => {
  const text = `${'abcdefgh'[i % 8]}${'x'.repeat(i % 5)}${i}`;
  return i % 7 === 0 ? Uint8Array.of(i, 0, 255) : utf8(text);
});

function applied(model: Model, writes: readonly Write[]): Model {
  const next = new Map(model);
  for (const { key, value } of writes) {
    if (value) next.set(toHex(key), toHex(value));
    else next.delete(toHex(key));
  }
  return new Map([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function randomWrites(random: Prng): Write[] {
  return Array.from({ length: random.below(6) }, () => ({
    key: KEYS[random.below(KEYS.length)] as Uint8Array,
    value: random.once(4) ? undefined : random.bytes(random.once(9) ? 500 : random.below(50)),
  }));
}

/** `expect` costs much more than the comparison, and there are many. */
function expectEqual(found: readonly unknown[], expected: readonly unknown[], what: string): void {
  if (String(found) !== String(expected)) expect(found, what).toEqual(expected);
}

const ALL = { from: new Uint8Array(0), to: new Uint8Array(8).fill(255) };

function expectContent(reader: Reader, model: Model | undefined, what: string): void {
  const found = collect(reader.range(ALL)).map((pair) => [toHex(pair.key), toHex(pair.value)]);
  expectEqual(found, [...(model as Model)], what);
}

function expectSame(reader: Reader, model: Model, random: Prng, what: string): void {
  const key = KEYS[random.below(KEYS.length)] as Uint8Array;
  const value = reader.get(key);
  expectEqual([value && toHex(value)], [model.get(toHex(key))], what);
  const [a, b] = [KEYS[random.below(KEYS.length)], KEYS[random.below(KEYS.length)]].map((k) =>
    toHex(k as Uint8Array),
  ) as [string, string];
  const reverse = random.once(2);
  const found = collect(reader.range({ from: fromHex(a), to: fromHex(b), reverse }));
  const expected = [...model].filter(([k]) => k >= a && k < b);
  if (reverse) expected.reverse();
  expect(
    found.map((pair) => [toHex(pair.key), toHex(pair.value)]),
    what,
  ).toEqual(expected);
}

async function settle(): Promise<void> {
  for (let i = 0; i < 40; i++) await Promise.resolve();
}

/** What differs between the engines: how a node dies, and whether commits can be held back. */
interface World {
  engine: Engine;
  /** Lets some of the commits under way go on. */
  progress(random: Prng): Promise<void>;
  /** The node dies and comes back. */
  crash(random: Prng): Promise<void>;
}

function memoryWorld(random: Prng): World {
  let steps: (() => void)[] = [];
  let engine = new MemoryEngine({
    schedule: (_stage, step) => {
      steps.push(step);
    },
  });
  const world: World = {
    engine,
    progress: async () => {
      for (let i = random.below(4); i > 0; i--) {
        steps.shift()?.();
        await settle();
      }
    },
    crash: async () => {
      engine = engine.crash(random.below(3));
      steps = [];
      world.engine = engine;
    },
  };
  return world;
}

/** One replica's life: whatever happens, reads give the state as of the applied index, and a crash that of the durable one. */
async function life(world: World, seed: number, rounds: number): Promise<void> {
  const random = new Prng(seed);
  const disk = new MemoryDisk({ seed });
  /** The state after each index, and the writes that led there. */
  const states: Model[] = [new Map()];
  const log: (readonly Write[])[] = [[]];
  let views: { view: ReplicaView; model: Model }[] = [];

  const open = async () => {
    const opening = openReplicaStates(world.engine, {
      memtableBytes: 2000,
      flushPartBytes: 100,
      hashSeed: random.uint32(),
    }).open(1 + (seed % 3));
    let state: ReplicaState | undefined;
    void opening.then((opened) => {
      state = opened;
    });
    while (!state) {
      await world.progress(random);
      await settle();
      await new Promise((resolve) => setImmediate(resolve));
    }
    return state;
  };
  let state = await open();
  const apply = (writes: readonly Write[]) => {
    const index = state.appliedIndex + 1;
    states[index] = applied(states[index - 1] as Model, writes);
    log[index] = writes;
    state.apply(index, 1 + Math.floor(index / 10), writes);
  };
  for (let round = 0; round < rounds; round++) {
    const what = `seed ${seed}, round ${round}`;
    const choice = random.below(30);
    if (choice < 16) apply(randomWrites(random));
    else if (choice < 19 && !state.needsFlush) {
      // What the host kept elsewhere belongs to the state of the applied index.
      const index = state.appliedIndex;
      const before = state.durableIndex;
      const extra = index > before ? randomWrites(random) : [];
      let asked = false;
      void state
        .flush({
          extra: () => {
            asked = true;
            return extra;
          },
          pace: random.once(3) ? undefined : settle,
        })
        .then(() => expect(state.durableIndex, what).toBeGreaterThanOrEqual(before))
        .catch((error: Error) => {
          if (error.message !== 'the engine is closed') throw error;
        });
      if (asked) {
        states[index] = applied(states[index] as Model, extra);
        log[index] = [...(log[index] as Write[]), ...extra];
      }
    } else if (choice === 19 && views.length < 3) {
      views.push({ view: state.view(), model: states[state.appliedIndex] as Model });
    } else if (choice === 20 && views.length > 0) {
      const [closed] = views.splice(random.below(views.length), 1);
      closed?.view.close();
    } else if (choice === 21) {
      views = [];
      await world.crash(random);
      state = await open();
      const index = state.durableIndex;
      expect(state.appliedIndex, what).toBe(index);
      expectContent(state, states[index], `${what}: after a crash at ${index}`);
      // The log replays a part of what was lost; the rest was never acknowledged.
      const target = index + random.below(states.length - index);
      for (let at = index + 1; at <= target; at++) apply(log[at] as Write[]);
      states.length = target + 1;
      log.length = target + 1;
    } else if (choice === 22) {
      // A snapshot of this very state, installed over it, changes nothing but what is durable.
      const view = state.view();
      const model = states[state.appliedIndex] as Model;
      await writeSnapshot(view, disk, `snapshot-${round}`, utf8('meta'));
      view.close();
      const installed = state.installSnapshot(disk, `snapshot-${round}`);
      let done = false;
      void installed.then(() => {
        done = true;
      });
      while (!done) {
        expectContent(state, model, what);
        await world.progress(random);
        await settle();
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(state.durableIndex, what).toBe(state.appliedIndex);
      expectContent(state, model, what);
    } else {
      await world.progress(random);
    }
    expectSame(state, states[state.appliedIndex] as Model, random, what);
    for (const { view, model } of views) expectSame(view, model, random, `${what}, view`);
  }
  for (const { view, model } of views) {
    expectContent(view, model, 'the end');
    view.close();
  }
  // At last everything becomes durable.
  while (state.durableIndex < state.appliedIndex) {
    void state.flush();
    await world.progress(random);
  }
  expectContent(state, states[state.durableIndex], 'the end');
}

describe('a replica’s state against a sorted map', () => {
  it('[E1] on the memory engine, with commits that come late and crashes', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      await life(memoryWorld(new Prng(seed + 1000)), seed, 200);
    }
  });

  it('[E1] on LMDB, with restarts', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'flotilla-states-'));
    const world: World = {
      engine: await openLmdb(directory),
      progress: () => new Promise((resolve) => setImmediate(resolve)),
      crash: async () => {
        await world.engine.close();
        world.engine = await openLmdb(directory);
      },
    };
    await life(world, 5, 120);
    await world.engine.close();
    await rm(directory, { recursive: true });
  });
});
