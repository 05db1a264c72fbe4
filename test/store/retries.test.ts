import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { equalBytes, toHex } from '../../src/bytes/index.ts';
import { MemoryEngine, type Write, writeSnapshot } from '../../src/engine/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { type DataCommand, RETRY_WINDOW_MS } from '../../src/store/index.ts';
import { Retries } from '../../src/store/retries.ts';
import { Prng } from '../support/prng.ts';
import { addOf } from '../support/world.ts';
import { contentOf, counted, install, putting, TestReplica, write } from './machine.ts';

/** Another one for each number. */
function token(number: number): Uint8Array {
  return new Prng(number).bytes(16);
}

/** Long enough for a key's commands. */
const DEADLINE = { deadline: 1_000 };

async function replica(engine?: MemoryEngine): Promise<TestReplica> {
  const opened = await TestReplica.open({}, engine);
  opened.apply(0, install());
  return opened;
}

/** An addition by a router that never sent one before: nothing but the token can know it. */
let routers = 100;
function retried(time: number, retry: Uint8Array, more = {}): DataCommand {
  return write(++routers, 1, 'a', { retry, deadline: time + 1_000, ...more });
}

describe('what a client sends again', () => {
  test('[S1] through another router changes nothing and gets its first answer, with the time of now', async () => {
    const it = await replica();
    expect(counted(it.apply(100, retried(100, token(1))))).toBe(1);
    expect(counted(it.apply(200, retried(200, token(2))))).toBe(2);
    const again = it.apply(30_000, retried(30_000, token(1)));
    expect(counted(again)).toBe(1);
    expect(again.sessionTime).toBe(30_000);
    expect(counted(it.apply(30_000, retried(30_000, token(3))))).toBe(3);
    expect(it.machine.shard(1)).toMatchObject({ sequence: 3 });
  });

  test('[S1] a repeated put does not undo what another client wrote in between', async () => {
    const it = await replica();
    const put = (router: number, v: string, retry?: Uint8Array) => ({
      ...putting(router, 1, 'a', v),
      retry,
    });
    const first = it.apply(1, put(1, 'mine', token(1)));
    it.apply(2, put(2, 'theirs'));
    expect(it.apply(3, put(3, 'mine', token(1)))).toEqual({ ...first, sessionTime: 3 });
    expect(it.machine.shard(1)).toMatchObject({ sequence: 2 });
  });

  test('[S1] [S2] refusals are not remembered, a failed condition is', async () => {
    const it = await replica();
    expect(it.apply(1, retried(1, token(1), { epoch: 2 })).kind).toBe('wrong-shard');
    expect(it.apply(5, retried(1, token(1), { deadline: 4 })).kind).toBe('expired');
    expect(counted(it.apply(5, retried(1, token(1))))).toBe(1);
    const condition = { kind: 'attribute_not_exists', path: ['pk'] } as const;
    const once = { operation: { ...addOf('a'), condition } };
    const failed = it.apply(6, retried(6, token(2), once));
    expect(failed).toMatchObject({ outcome: { kind: 'condition-failed' } });
    const gone = { operation: { ...addOf('a'), kind: 'delete' as const, returnValues: 'NONE' } };
    it.apply(7, write(1, 1, 'a', gone as never));
    expect(it.apply(8, retried(8, token(2), once))).toEqual({ ...failed, sessionTime: 8 });
    expect(counted(it.apply(8, retried(8, token(3), once)))).toBe(1);
  });

  test('[S1] an answer is there for the whole window, and then is forgotten with its generation', async () => {
    for (const at of [0, 1, 5_000, 9_999, 10_000]) {
      const it = await replica();
      expect(counted(it.apply(at, retried(at, token(1))))).toBe(1);
      const last = at + RETRY_WINDOW_MS;
      expect(counted(it.apply(last, retried(last, token(1))))).toBe(1);
      const end = last + RETRY_WINDOW_MS / 6;
      expect(counted(it.apply(end, retried(end, token(1))))).toBe(2);
      // And now that one is.
      expect(counted(it.apply(end, retried(end, token(1))))).toBe(2);
    }
  });

  test('[S1] the router that got a repeated answer gets it again after the token is forgotten', async () => {
    const it = await replica();
    it.apply(9_999, retried(9_999, token(1)));
    const late = RETRY_WINDOW_MS + 9_999;
    const command = write(7, 1, 'a', { retry: token(1), deadline: late + 8_000 });
    expect(counted(it.apply(late, command))).toBe(1);
    expect(counted(it.apply(late + 1, retried(late + 1, token(1))))).toBe(2);
    expect(counted(it.apply(late + 1, command))).toBe(1);
  });

  test('[S1] answers of all sizes come back whole', async () => {
    const it = await replica();
    const sizes = [0, 10, 4_000, 60_000, 66_000, 200_000, 1, 300];
    for (const [i, size] of sizes.entries()) {
      it.apply(1, { ...putting(1, 2 * i + 1, 'a', 'x'.repeat(size)), ...DEADLINE });
      const operation = { ...putting(1, 1, 'a', 'y').operation, returnValues: 'ALL_OLD' };
      it.apply(1, retried(1, token(i), { operation }));
    }
    for (const reopened of [it, await it.restart()]) {
      for (const [i, size] of sizes.entries()) {
        const answer = reopened.apply(2, retried(2, token(i)));
        if (answer.kind !== 'done' || answer.outcome?.kind !== 'written') throw new Error('done');
        const old = JSON.parse(new TextDecoder().decode(answer.outcome.attributes));
        expect(old.v.S).toBe('x'.repeat(size));
      }
    }
  });
});

describe('retries in the state', () => {
  test('[S1] [G12] outlive a flush and a crash; what the crash took comes again from the log', async () => {
    const engine = new MemoryEngine();
    const before = await replica(engine);
    before.apply(1, retried(1, token(1)));
    await before.flush();
    before.apply(2, retried(2, token(2)));
    const after = await TestReplica.open({}, engine.crash());
    expect(counted(after.apply(2, retried(2, token(2))))).toBe(2);
    expect(counted(after.apply(3, retried(3, token(1))))).toBe(1);
    expect(counted(after.apply(3, retried(3, token(2))))).toBe(2);
    expect(after.machine.shard(1)).toMatchObject({ sequence: 2 });
  });

  test('[S1] [F7] a flush that failed loses nothing, whatever comes until the next', async () => {
    const engine = new MemoryEngine();
    const before = await replica(engine);
    before.apply(1, retried(1, token(1)));
    engine.fault = () => 'full';
    await expect(before.flush()).rejects.toMatchObject({ code: 'full' });
    before.apply(2, retried(2, token(2)));
    await expect(before.flush()).rejects.toMatchObject({ code: 'full' });
    before.apply(3, retried(3, token(3)));
    engine.fault = undefined;
    await before.flush(); // of what was frozen at 1
    const early = await TestReplica.open({}, engine.crash());
    expect(tokensOf(early)).toEqual([toHex(token(1))]);
    await early.flush();

    const other = await replica();
    for (const i of [1, 2, 3]) other.apply(i, retried(i, token(i)));
    await other.flush();
    await other.flush();
    const late = await other.restart();
    expect(tokensOf(late)).toEqual([1, 2, 3].map((i) => toHex(token(i))));
  });

  test('[S1] [F7] after a failed flush the next ones bring the rest', async () => {
    const engine = new MemoryEngine();
    const before = await replica(engine);
    before.apply(1, retried(1, token(1)));
    engine.fault = () => 'full';
    await expect(before.flush()).rejects.toMatchObject({ code: 'full' });
    before.apply(2, retried(2, token(2)));
    engine.fault = undefined;
    await before.flush();
    await before.flush();
    expect(tokensOf(await TestReplica.open({}, engine.crash()))).toEqual([
      toHex(token(1)),
      toHex(token(2)),
    ]);
  });

  test('[S1] [G12] [E3] are in a snapshot, and an install forgets those of before', async () => {
    const disk = new MemoryDisk();
    const leader = await replica();
    for (let i = 0; i < 500; i++) leader.apply(i, retried(i, token(i)));
    await leader.flush();
    for (let i = 500; i < 800; i++) leader.apply(i, retried(i, token(i)));
    leader.state.complete(leader.machine.cacheWrites(leader.state));
    const view = leader.state.view();
    await writeSnapshot(view, disk, 'snapshot', new Uint8Array(0));
    view.close();

    const engine = new MemoryEngine();
    const follower = await replica(engine);
    // Of an earlier time of the same group, and longer ago than the leader's.
    for (let i = 0; i < 100; i++) follower.apply(i, retried(i, token(i)));
    await follower.flush();
    await follower.state.installSnapshot(disk, 'snapshot');
    follower.machine.restore(follower.state);
    expect(contentOf(follower)).toEqual(contentOf(leader));
    for (const it of [leader, follower]) {
      it.apply(900, write(1, 1, 'a', { retry: token(5_000), ...DEADLINE }));
      expect(counted(it.apply(900, retried(900, token(700))))).toBe(701);
    }
    await follower.flush();
    const after = await TestReplica.open({}, engine.crash());
    expect(tokensOf(after)).toEqual(tokensOf(leader));
  });

  test('[S1] are written once: blocks when they are full, what is not full when the state is kept', async () => {
    const it = await replica();
    const isBlock = ({ key }: Write) => key[0] === 5 || key[0] === 6;
    const applied: Write[] = [];
    const apply = it.machine.apply.bind(it.machine);
    it.machine.apply = (data, state) => {
      const done = apply(data, state);
      applied.push(...done.writes.filter(isBlock));
      return done;
    };
    const written = () => sizes(applied.splice(0));
    const keep = () => {
      const writes = it.machine.cacheWrites(it.state).filter(isBlock);
      it.state.complete(it.machine.cacheWrites(it.state));
      return sizes(writes);
    };
    const nothing = { puts: 0, deletes: 0, bytes: 0 };
    expect(keep()).toEqual(nothing);
    const long = { operation: { ...addOf('a'), returnValues: 'ALL_NEW' as const } };
    for (let i = 0; i < 2_000; i++) it.apply(1, retried(1, token(i)));
    expect(written()).toMatchObject({ puts: 3, deletes: 0 });
    for (let i = 2_000; i < 3_000; i++) it.apply(1, retried(1, token(i), long));
    expect(written()).toMatchObject({ puts: 1, deletes: 0 });
    expect(keep()).toMatchObject({ puts: 3, deletes: 0 }); // one block of each kind, and the record
    expect(keep()).toEqual(nothing);
    it.apply(1, retried(1, token(3_000)));
    expect(keep()).toMatchObject({ puts: 2, deletes: 0 });
    it.apply(10_001, retried(10_001, token(3_001)));
    expect(keep().bytes).toBeLessThan(100);
    expect(written()).toEqual(nothing);
    const late = 10_000 + RETRY_WINDOW_MS;
    it.apply(late, retried(late, token(3_002)));
    expect(written()).toEqual({ puts: 0, deletes: 6, bytes: 0 });
    expect(keep()).toMatchObject({ puts: 2, deletes: 0 });
    it.apply(late + 2 * RETRY_WINDOW_MS, install(2));
    expect(written()).toMatchObject({ puts: 0, deletes: 4 }); // two generations, two kinds each
    expect(keep()).toEqual({ puts: 0, deletes: 1, bytes: 0 }); // the record
  });

  test('[S1] a block that is missing or cut is noticed', async () => {
    const it = await replica();
    for (let i = 0; i < 10; i++) it.apply(1, retried(1, token(i)));
    await it.flush();
    const block = Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 0, 0);
    const whole = it.state.get(block) as Uint8Array;
    for (const value of [undefined, whole.slice(0, -1), whole.slice(0, -40), new Uint8Array(0)]) {
      it.state.complete([{ key: block, value }]);
      expect(() => it.machine.restore(it.state)).toThrow();
    }
    it.state.complete([{ key: block, value: whole }]);
    it.machine.restore(it.state);
    expect(tokensOf(it)).toHaveLength(10);
  });

  test('[S1] [S3] [G20] replicas that apply the same entries remember the same, wherever one was flushed and started again', async () => {
    const random = new Prng(4);
    const steady = await replica();
    let restless = await replica();
    let time = 0;
    for (let i = 0; i < 1_500; i++) {
      time += random.once(100) ? 20_000 : random.below(150);
      const command = retried(time, token(random.below(400)));
      expect(restless.apply(time, command)).toEqual(steady.apply(time, command));
      if (random.once(40)) restless = await restless.restart();
      if (random.once(40)) {
        // As for a snapshot.
        restless.state.complete(restless.machine.cacheWrites(restless.state));
      }
      if (random.once(200)) expect(tokensOf(restless)).toEqual(tokensOf(steady));
    }
    await steady.flush();
    await restless.flush();
    expect(contentOf(restless)).toEqual(contentOf(steady));
  });
});

test('[S1] a model: found for the window, forgotten a generation later, by session time alone', () => {
  const step = fc.record({
    pass: fc.oneof(fc.nat(500), fc.nat(15_000), fc.constant(RETRY_WINDOW_MS)),
    token: fc.nat(30),
    size: fc.oneof(fc.nat(20), fc.constant(40_000), fc.constant(70_000)),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const retries = new Retries();
      const state = new Map<string, Uint8Array>();
      const reader = { get: (key: Uint8Array) => state.get(toHex(key)), range: never };
      const keep = (writes: readonly Write[]) => {
        for (const { key, value } of writes) {
          if (value) state.set(toHex(key), value.slice());
          else state.delete(toHex(key));
        }
      };
      const model = new Map<number, { readonly time: number; readonly outcome: Uint8Array }>();
      let time = 0;
      for (const { pass, token: number, size } of steps) {
        time += pass;
        const writes: Write[] = [];
        retries.forget(time, writes);
        const known = model.get(number);
        const found = retries.find(token(number), reader);
        if (known && time <= known.time + RETRY_WINDOW_MS) expect(found).toBeDefined();
        if (!known || time >= known.time + RETRY_WINDOW_MS + RETRY_WINDOW_MS / 6) {
          expect(found).toBeUndefined();
        }
        keep(writes);
        if (found) {
          expect(equalBytes(found, known?.outcome ?? new Uint8Array(1))).toBe(true);
          continue;
        }
        const outcome = new Uint8Array(size).fill(number);
        const hash = { high: number, low: 2 ** 32 - 1 - number };
        retries.remember(time, { token: token(number), table: number, hash, outcome }, writes);
        keep(writes);
        model.set(number, { time, outcome });
      }
      for (const { entry } of retries.entries(reader)) {
        const { high, low } = entry.hash;
        expect(entry.table).toBe(high);
        expect(low).toBe(2 ** 32 - 1 - high);
        expect(equalBytes(entry.outcome, model.get(high)?.outcome ?? entry.token)).toBe(true);
      }
    }),
    { seed: 1, numRuns: 100 },
  );
});

describe('bounds', () => {
  test('[S1] [S4] past the bound new commands are refused, none is forgotten sooner, and it passes', async () => {
    const it = await TestReplica.open({ answerBytesMax: 100_000 });
    it.apply(0, install());
    let applied = 0;
    // Each router has its answer before the next one comes: what is left is remembered for the clients.
    for (; applied < 10_000; applied++) {
      const command = write(1, 1 + applied, 'a', { retry: token(applied), ...DEADLINE });
      if (it.apply(2, command).kind !== 'done') break;
    }
    // 16 bytes of index each, and the blocks that are not full.
    expect(applied).toBeGreaterThan(1_500);
    expect(applied).toBeLessThan(6_200);
    expect(it.apply(2, write(2, 1, 'b', DEADLINE)).kind).toBe('sessions-full');
    const last = 2 + RETRY_WINDOW_MS;
    const more = { deadline: last + 20_000 };
    expect(it.apply(last, write(2, 2, 'b', more)).kind).toBe('sessions-full');
    const end = last + RETRY_WINDOW_MS / 6;
    expect(it.apply(end, write(2, 3, 'b', more)).kind).toBe('done');
  });

  test('[S1] [S4] answers of any size are no burden of the memory', async () => {
    const it = await TestReplica.open({ answerBytesMax: 500_000 });
    it.apply(0, install());
    const put = putting(1, 1, 'a', 'x'.repeat(100_000));
    it.apply(1, { ...put, ...DEADLINE });
    const operation = { ...put.operation, returnValues: 'ALL_OLD' as const };
    for (let i = 0; i < 100; i++) {
      const command = write(1, 2 + i, 'a', { operation, retry: token(i), ...DEADLINE });
      expect(it.apply(2, command).kind).toBe('done');
    }
    const answer = it.apply(3, retried(3, token(50), { operation }));
    if (answer.kind !== 'done' || answer.outcome?.kind !== 'written') throw new Error('done');
    expect(answer.outcome.attributes?.length).toBeGreaterThan(100_000);
    const end = 2 * RETRY_WINDOW_MS;
    it.apply(end, install());
    await it.flush();
    // All of it went at once.
    const left = contentOf(it).filter(([key]) => key.startsWith('05') || key.startsWith('06'));
    expect(left).toEqual([]);
  });
});

function tokensOf({ machine, state }: TestReplica): string[] {
  return Array.from(machine.retries(state), ({ token }) => toHex(token));
}

function never(): never {
  throw new Error('not asked for');
}

function sizes(writes: readonly Write[]) {
  let bytes = 0;
  for (const { value } of writes) bytes += value?.length ?? 0;
  const puts = writes.filter(({ value }) => value).length;
  return { puts, deletes: writes.length - puts, bytes };
}
