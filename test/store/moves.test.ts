import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8 } from '../../src/bytes/index.ts';
import { encodeShardPart, type MachineLimits, type MoveCursor } from '../../src/store/index.ts';
import { changesAfter, sequenceIn } from '../../src/store/keys.ts';
import type { MadePart } from '../../src/store/part-maker.ts';
import { START } from '../../src/store/shard-part.ts';
import { counted, install, putting, TestReplica, WHOLE, write } from './machine.ts';

const MOVED = { shard: 1, epoch: 2 } as const;
const LISTED = { kind: 'list-changes', shard: 1, epoch: 1 } as const;
const DELETE = {
  kind: 'delete',
  condition: undefined,
  returnItemOnConditionFailure: false,
  returnValues: 'NONE',
} as const;
const FENCED = { kind: 'fence-shard', shard: 1, epoch: 1 } as const;
const RECEIVED = { kind: 'receive-shard', ...MOVED, table: 1, config: 2, ...WHOLE } as const;

function purge(epoch: number, config: number) {
  return { kind: 'purge-shard', shard: 1, epoch, config, keys: 1_000 } as const;
}

async function two(limits?: MachineLimits): Promise<{ source: TestReplica; target: TestReplica }> {
  const [source, target] = [await TestReplica.open(limits), await TestReplica.open(limits)];
  source.apply(0, install());
  // The target's time is another one.
  target.apply(500_000, { ...purge(1, 1) });
  return { source, target };
}

/** The sequences of its listed changes. */
function listed({ state }: TestReplica): number[] {
  const found: number[] = [];
  const cursor = state.range(changesAfter(1, 0));
  for (let pair = cursor.next(); pair; pair = cursor.next()) found.push(sequenceIn(pair.key));
  cursor.close();
  return found;
}

function last(count: number, { machine }: TestReplica): number[] {
  const { sequence = 0 } = machine.shard(1) ?? {};
  return Array.from({ length: count }, (_, i) => sequence - count + 1 + i);
}

/** What the source has for the target at this cursor. */
function madeAt({ machine, state }: TestReplica, cursor: MoveCursor, bytesMax = 32_768): MadePart {
  const made = machine.part(1, 1, cursor, bytesMax, state);
  if (!made || made === 'begin-anew') throw new Error(`no part: ${made}`);
  return made;
}

let begunAnew = 0;

/** The next part; true when the target asks for the fence. If it has to, the target begins anew before that. */
function carry(source: TestReplica, target: TestReplica, bytesMax?: number): boolean {
  const held = target.machine.shard(1);
  if (!held) throw new Error('nothing is received');
  if (source.machine.part(1, 1, held.cursor, 1, source.state) === 'begin-anew') {
    target.apply(500_001, purge(2, 2));
    expect(target.machine.shard(1)).toBeUndefined();
    target.apply(500_001, RECEIVED);
    begunAnew++;
    return carry(source, target, bytesMax);
  }
  const { cursor, parts } = held;
  const made = madeAt(source, cursor, bytesMax);
  const part = encodeShardPart(made.part);
  const from = { ...cursor };
  const command = { kind: 'receive-part', ...MOVED, number: parts, from, part } as const;
  // However often it comes.
  for (let i = 0; i < 2; i++) expect(target.apply(500_001, command).kind).toBe('done');
  return made.caughtUp;
}

function move(source: TestReplica, target: TestReplica, bytesMax?: number): void {
  source.apply(1, LISTED);
  target.apply(500_000, RECEIVED);
  for (let i = 0; target.machine.shard(1)?.state === 'receiving'; i++) {
    if (i > 1_000) throw new Error('it does not end');
    if (carry(source, target, bytesMax)) source.apply(2, FENCED);
  }
}

const there = { epoch: 2, deadline: 510_000 };

describe('a shard that goes to another group', () => {
  test.each([
    { what: 'many items, whose changes are all listed', keys: 300, anew: false },
    { what: 'few items, of whose changes only some are listed', keys: 3, anew: true },
  ])(
    '[C3] [S5] has all items there, also what changed meanwhile, and goes on counting: $what',
    async ({ keys, anew }) => {
      const step = fc.record({
        key: fc.nat(keys),
        v: fc.string({ maxLength: 200 }),
        carry: fc.nat(9),
      });
      const begun = begunAnew;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 300, maxLength: 900 }), async (steps) => {
          const { source, target } = await two({ listed: { min: 1, perItem: 4 } });
          const values = new Map<string, string>();
          const before = steps.length / 2;
          steps.forEach(({ key, v, carry: carries }, i) => {
            source.apply(1, putting(7, i, `k${key}`, v));
            values.set(`k${key}`, v);
            if (i === Math.floor(before)) {
              source.apply(1, LISTED);
              target.apply(500_000, RECEIVED);
            }
            if (i > before && carries === 0) carry(source, target);
          });
          move(source, target);
          const shard = target.machine.shard(1);
          const from = source.machine.shard(1);
          expect(from?.state).toBe('fenced');
          expect(shard).toMatchObject({ state: 'serving', epoch: 2, items: values.size });
          for (const field of ['bytes', 'sequence', 'digestHigh', 'digestLow'] as const) {
            expect(shard?.[field]).toBe(from?.[field]);
          }
          for (const [key, v] of values) {
            const found = target.machine.read(1, 2, write(7, 1, key).key, target.state);
            expect(found?.item?.json).toEqual(
              utf8(JSON.stringify({ pk: { S: key }, v: { S: v } })),
            );
          }
        }),
        { seed: 1, numRuns: 20 },
      );
      expect(begunAnew > begun).toBe(anew);
    },
  );

  test('[S1] [F36] knows what it answered before, routers and clients', async () => {
    const { source, target } = await two();
    const retry = new Uint8Array(16).fill(9);
    expect(counted(source.apply(1, write(7, 1, 'a', { lowestUnanswered: 1, retry })))).toBe(1);
    move(source, target);
    // The router did not hear, and comes once more; so does the client, through another router.
    expect(counted(target.apply(500_002, write(7, 1, 'a', there)))).toBe(1);
    expect(counted(target.apply(500_003, write(8, 1, 'a', { ...there, retry })))).toBe(1);
    expect(counted(target.apply(500_004, write(8, 2, 'a', there)))).toBe(2);
  });

  test('[S1] [F36] knows what it answered to many clients, whose tokens begin alike, from one part of it', async () => {
    const { source, target } = await two();
    const tokens = Array.from({ length: 1_900 }, (_, i) => {
      const token = new Uint8Array(16).fill(7);
      new DataView(token.buffer).setUint32(0, i % 300);
      new DataView(token.buffer).setUint32(12, i);
      return token;
    });
    for (const [i, retry] of tokens.entries()) {
      source.apply(1, write(7, i, `k${i % 9}`, { retry }));
    }
    move(source, target, 128 * 1024);
    expect(target.machine.shard(1)).toMatchObject({ state: 'serving', sequence: 1_900 });
    for (const [i, retry] of tokens.entries()) {
      const again = write(8, i, `k${i % 9}`, { ...there, retry });
      expect(counted(target.apply(500_003, again))).toBe(1 + Math.floor(i / 9));
    }
  });

  test('[C2] [S2] is served by one group at each moment, and under its new epoch only', async () => {
    const { source, target } = await two();
    source.apply(1, LISTED);
    target.apply(500_000, RECEIVED);
    expect(counted(source.apply(1, write(7, 1, 'a')))).toBe(1);
    expect(counted(target.apply(500_000, write(7, 2, 'a', there)))).toBe('wrong-shard');
    while (!carry(source, target));
    source.apply(2, FENCED);
    expect(counted(source.apply(2, write(7, 2, 'a')))).toBe('wrong-shard');
    expect(source.machine.read(1, 1, write(7, 1, 'a').key, source.state)).toBeUndefined();
    expect(counted(target.apply(500_000, write(7, 2, 'a', there)))).toBe('wrong-shard');
    carry(source, target);
    expect(counted(target.apply(500_000, write(7, 2, 'a', { ...there, epoch: 1 })))).toBe(
      'wrong-shard',
    );
    expect(counted(target.apply(500_000, write(7, 2, 'a', there)))).toBe(2);
    expect(counted(source.apply(3, write(7, 3, 'a')))).toBe('wrong-shard');
  });

  test('[C3] [S3] goes on where it was after a start, on both sides', async () => {
    let { source, target } = await two();
    for (let i = 0; i < 500; i++) source.apply(1, putting(7, i, `k${i}`, 'v'.repeat(1_000)));
    source.apply(1, LISTED);
    target.apply(500_000, RECEIVED);
    for (let i = 0; i < 3; i++) {
      carry(source, target);
      source.apply(1, putting(7, 500 + i, `k${i}`, 'w'));
      source = await source.restart();
      target = await target.restart();
    }
    expect(target.machine.shard(1)?.parts).toBe(3);
    move(source, target);
    expect(target.machine.shard(1)).toMatchObject({ state: 'serving', items: 500 });
  });

  test('[C4] [F35] is not made anew by a plan that is old, nor deleted by one', async () => {
    const { source, target } = await two();
    move(source, target);
    expect(target.apply(500_002, purge(2, 1)).kind).toBe('wrong-shard');
    expect(target.apply(500_002, purge(1, 9)).kind).toBe('done');
    expect(target.machine.shard(1)?.state).toBe('serving');
    source.apply(3, purge(1, 3));
    expect(source.machine.shard(1)).toBeUndefined();
    expect(source.apply(3, install()).kind).toBe('wrong-shard');
    expect(source.apply(3, { ...RECEIVED, config: 2 }).kind).toBe('wrong-shard');
    expect(source.machine.shard(1)).toBeUndefined();
  });

  test('[F36] comes back only after what is left of it is gone', async () => {
    const { source, target } = await two();
    source.apply(1, write(7, 1, 'a'));
    source.apply(1, write(7, 2, 'b'));
    move(source, target);
    const back = { ...RECEIVED, epoch: 3, config: 4 };
    expect(source.apply(3, back).kind).toBe('wrong-shard');
    source.apply(3, { ...purge(1, 4), keys: 1 });
    expect(source.apply(3, back).kind).toBe('wrong-shard');
    source.apply(3, purge(1, 4));
    expect(source.apply(3, back).kind).toBe('done');
    expect(source.machine.shard(1)).toMatchObject({ state: 'receiving', items: 0, epoch: 3 });
  });

  test('[C3] has no gap where two parts were made for one number', async () => {
    const { source, target } = await two();
    for (let i = 0; i < 400; i++) source.apply(1, putting(7, i, `k${i}`, 'v'));
    source.apply(1, LISTED);
    target.apply(500_000, RECEIVED);
    const made = (from: MoveCursor, bytesMax: number) => {
      const { part } = madeAt(source, from, bytesMax);
      return { part: encodeShardPart(part), next: part.next };
    };
    const take = (number: number, from: MoveCursor, part: Uint8Array) =>
      target.apply(500_001, { kind: 'receive-part', ...MOVED, number, from, part }).kind;
    // Nobody heard that the first one was taken in; the second one is longer.
    const [short, long] = [made(START, 1_000), made(START, 8_000)];
    expect(take(0, START, short.part)).toBe('done');
    expect(take(0, START, long.part)).toBe('done');
    expect(take(1, long.next, made(long.next, 1_000).part)).toBe('wrong-shard');
    expect(take(1, short.next, made(short.next, 1_000).part)).toBe('done');
    move(source, target);
    expect(target.machine.shard(1)).toMatchObject({ state: 'serving', items: 400 });
  });

  test('[S4] lists changes only so far back, while nobody comes for them', async () => {
    const { source } = await two({ listed: { min: 20, perItem: 4 } });
    for (let i = 0; i < 100; i++) source.apply(1, putting(7, i, `k${i % 10}`, 'v'));
    source.apply(1, LISTED);
    for (let i = 100; i < 1_000; i++) source.apply(1, putting(7, i, `k${i % 10}`, `${i}`));
    expect(listed(source)).toEqual(last(40, source));
    // Fewer items need fewer changes: the list gets shorter as others come.
    for (let i = 0; i < 8; i++) {
      source.apply(1, write(7, 1_000 + i, `k${i}`, { operation: DELETE }));
    }
    for (let i = 1_008; i < 1_100; i++) source.apply(1, putting(7, i, 'k9', `${i}`));
    expect(listed(source)).toEqual(last(20, source));
  });

  test('[C3] [S4] begins anew where changes that it would need are listed no more, also after a start', async () => {
    let { source, target } = await two({ listed: { min: 20, perItem: 4 } });
    for (let i = 0; i < 300; i++) source.apply(1, putting(7, i, `k${i}`, 'v'.repeat(1_000)));
    source.apply(1, LISTED);
    target.apply(500_000, RECEIVED);
    carry(source, target);
    const first = target.machine.shard(1)?.cursor ?? START;
    const early = madeAt(source, START).part;
    for (let i = 300; i < 3_000; i++) source.apply(1, putting(7, i, `k${i % 300}`, `${i}`));
    source = await source.restart();
    expect(source.machine.part(1, 1, first, 32_768, source.state)).toBe('begin-anew');
    target.apply(500_001, purge(2, 2));
    target.apply(500_001, RECEIVED);
    // What was made for the copy that was thrown away comes once more: it names a list that is over, too.
    const part = encodeShardPart(early);
    target.apply(500_001, { kind: 'receive-part', ...MOVED, number: 0, from: START, part });
    const { cursor, parts } = target.machine.shard(1) ?? {};
    expect(parts).toBe(1);
    expect(source.machine.part(1, 1, cursor ?? START, 32_768, source.state)).toBe('begin-anew');
    move(source, target);
    expect(target.machine.shard(1)).toMatchObject({ state: 'serving', items: 300 });
  });

  test('[C3] that arrives with other items than it left with stops the replica', async () => {
    const { source, target } = await two();
    source.apply(1, write(7, 1, 'a'));
    source.apply(1, LISTED);
    target.apply(500_000, RECEIVED);
    while (!carry(source, target));
    source.apply(2, FENCED);
    const end = madeAt(source, target.machine.shard(1)?.cursor ?? START);
    if (!end.part.end) throw new Error('no end');
    const wrong = { ...end.part, end: { ...end.part.end, digestLow: 7 } };
    const number = target.machine.shard(1)?.parts ?? 0;
    const part = encodeShardPart(wrong);
    const from = target.machine.shard(1)?.cursor ?? START;
    const last = { kind: 'receive-part', ...MOVED, number, from, part } as const;
    expect(() => target.apply(500_002, last)).toThrow(/shard 1 arrived with 1 items/);
  });
});
