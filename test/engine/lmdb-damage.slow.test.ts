import { mkdtemp, open, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../src/bytes/index.ts';
import {
  type Engine,
  type EngineDamage,
  EngineDamagedError,
  type Write,
} from '../../src/engine/index.ts';
import { openLmdb } from '../../src/engine/lmdb/index.ts';
import { Prng } from '../support/prng.ts';
import { collect } from './contract.ts';

const RECORDS = 2000;
const keyOf = (i: number) => utf8(`0000t${String(i).padStart(8, '0')}`);
const textOf = (i: number) => utf8(`value ${i} `.repeat(20));

/** Everything that the scrub finds within a while. */
async function damagesOf(engine: Engine, enough: number): Promise<EngineDamage[]> {
  const found: EngineDamage[] = [];
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(found), 4000);
    engine.onDamage = (damage) => {
      found.push(damage);
      if (found.length < enough) return;
      clearTimeout(timer);
      resolve(found);
    };
  });
}

describe('damage in the file of LMDB', () => {
  let directory = '';
  let file = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'flotilla-lmdb-'));
    file = join(directory, 'data.mdb');
    const engine = await openLmdb(directory);
    await engine.commit(
      Array.from({ length: RECORDS }, (_, i) => ({ key: keyOf(i), value: textOf(i) })),
    ).durable;
    await engine.close();
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function bytesOf(): Promise<Buffer> {
    const handle = await open(file);
    const bytes = await handle.readFile();
    await handle.close();
    return bytes;
  }

  async function overwrite(position: number, bytes: Uint8Array): Promise<void> {
    const handle = await open(file, 'r+');
    await handle.write(bytes, 0, bytes.length, position);
    await handle.close();
  }

  async function flip(position: number, bit: number): Promise<void> {
    const byte = (await bytesOf())[position] as number;
    await overwrite(position, Uint8Array.of(byte ^ (1 << bit)));
  }

  it('[F4] [E4] a flipped bit in a value is found by the scrub, and a read of it throws and names file and key', async () => {
    const place = (await bytesOf()).indexOf(textOf(777)) + 50;
    await flip(place, 3);
    const engine = await openLmdb(directory);
    expect(() => engine.get(keyOf(777))).toThrow(EngineDamagedError);
    expect(() => engine.get(keyOf(777))).toThrow(
      `${file} is damaged at key ${toHex(keyOf(777))}: a record of `,
    );
    const snapshot = engine.snapshot();
    const range = snapshot.range({ from: keyOf(776), to: keyOf(779) });
    expect(range.next()?.key).toEqual(keyOf(776));
    expect(() => range.next()).toThrow(EngineDamagedError);
    range.close();
    snapshot.close();
    // Its neighbours are well.
    expect(engine.get(keyOf(776))).toEqual(textOf(776));
    const [damage] = await damagesOf(engine, 1);
    expect(damage).toEqual({
      file,
      key: keyOf(777),
      reason: expect.stringContaining('fails its checksum'),
    });
    await engine.close();
    // What is known to be damaged is not opened again.
    const again = openLmdb(directory);
    await expect(again).rejects.toThrow(`${file} is damaged at key ${toHex(keyOf(777))}: `);
    await expect(again).rejects.toThrow('(found earlier)');
  });

  it('[F4] a flipped bit in a key is found, though reads of the key only miss it', async () => {
    const place = (await bytesOf()).indexOf(keyOf(777)) + 12;
    await flip(place, 2);
    const engine = await openLmdb(directory);
    const found = await damagesOf(engine, 1);
    expect(found[0]?.reason).toMatch(
      /does not lead to this record|fails its checksum|records are there/,
    );
    await engine.close();
  });

  it('[F4] a damaged branch of the tree, which makes reads miss records that are there, is found', async () => {
    const bytes = await bytesOf();
    // Key separators of the branch page: the first ten bytes are those of all keys, so one behind them.
    const branches = [];
    for (let page = 0; page < bytes.length; page += 8192) {
      if (bytes.readUInt16LE(page + 18) === 1) branches.push(page);
    }
    const separator = bytes.indexOf(utf8('0000t'), branches.at(-1));
    expect(separator - (branches.at(-1) as number)).toBeLessThan(8192);
    await flip(separator + 8, 1);
    const engine = await openLmdb(directory);
    const missing = Array.from({ length: RECORDS }, (_, i) => engine.get(keyOf(i))).filter(
      (v) => !v,
    );
    expect(missing.length).toBeGreaterThan(0);
    const [damage] = await damagesOf(engine, 1);
    expect(damage?.reason).toBe('the tree does not lead to this record');
    await engine.close();
  });

  it('[F5] an old version of a page, itself without a fault, is found by the digests', async () => {
    const engine = await openLmdb(directory);
    const before = await bytesOf();
    // Twice, so that LMDB takes pages for use that an older version left.
    for (const round of [1, 2, 3]) {
      const i = 500 + round;
      await engine.commit([{ key: keyOf(i), value: utf8('new '.repeat(50)) }]).durable;
    }
    await engine.close();
    const after = await bytesOf();
    // The page that holds the new version of 503 again as it was when it held the old one: the write was lost.
    const at = after.indexOf(Buffer.concat([keyOf(503), utf8('new ')]));
    const page = 8192 * Math.floor(at / 8192);
    const old = 8192 * Math.floor(before.indexOf(Buffer.concat([keyOf(503), textOf(503)])) / 8192);
    const lost = Buffer.from(before.subarray(old, old + 8192));
    // The page's own number and transaction stay what the tree expects.
    after.copy(lost, 0, page, page + 16);
    await overwrite(page, lost);
    const again = await openLmdb(directory);
    expect(again.get(keyOf(503))).toEqual(textOf(503));
    const [damage] = await damagesOf(again, 1);
    expect(damage?.reason).toMatch(/are not those that were written|records are there/);
    await again.close();
  });

  it('an undamaged file is found to be undamaged, after overwrites and deletions too', async () => {
    const engine = await openLmdb(directory);
    const random = new Prng(3);
    for (let round = 0; round < 20; round++) {
      const writes: Write[] = [];
      for (let i = 0; i < RECORDS; i++) {
        if (!random.once(50)) continue;
        writes.push({ key: keyOf(i), value: random.once(3) ? undefined : textOf(round) });
      }
      await engine.commit(writes).durable;
    }
    engine.onDamage = (damage) => {
      throw new Error(JSON.stringify(damage));
    };
    const records = await new Promise((resolve) => {
      engine.onScrubbed = resolve;
    });
    const snapshot = engine.snapshot();
    expect(records).toBe(collect(snapshot.range({ from: utf8('0'), to: utf8('1') })).length);
    snapshot.close();
    await engine.close();
  });

  it('the scrub finds nothing while commits, refused ones among them, go on under it', async () => {
    const engine = await openLmdb(directory);
    const random = new Prng(5);
    let passes = 0;
    engine.onDamage = (damage) => {
      throw new Error(JSON.stringify(damage));
    };
    engine.onScrubbed = () => passes++;
    for (let round = 0; passes === 0 || round < 40; round++) {
      const writes: Write[] = [];
      for (let i = 0; i < RECORDS; i++) {
        if (!random.once(20)) continue;
        const key = utf8(`000${i % 10}t${String(i).padStart(8, '0')}`);
        writes.push({ key, value: random.once(3) ? undefined : textOf(round) });
      }
      writes.sort((a, b) => Buffer.compare(a.key, b.key));
      function* broken() {
        yield* writes;
        yield { key: utf8('9'), value: new Uint8Array(5_000_000) };
        throw new Error('broken off');
      }
      const outcomes = await Promise.allSettled([
        engine.commit(writes).durable,
        engine.commit(broken()).durable,
        engine.commit([{ key: utf8('short'), value: textOf(round) }]).durable,
      ]);
      expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    }
    await engine.close();
    // And over what is left, from the start.
    const again = await openLmdb(directory);
    const found: unknown[] = [];
    await new Promise<number>((resolve) => {
      again.onScrubbed = resolve;
      again.onDamage = (damage) => found.push(damage);
    });
    expect(found).toEqual([]);
    await again.close();
  });

  it('[F4] [F8] a file that LMDB does not know, or that is too short, is refused by name', async () => {
    const { size } = await stat(file);
    await overwrite(0, new Uint8Array(16_384).fill(0x5a));
    await expect(openLmdb(directory)).rejects.toThrow(`${file} can not be opened: `);
    await truncate(file, 5000);
    await expect(openLmdb(directory)).rejects.toThrow(`${file} can not be opened: `);
    expect(size).toBeGreaterThan(16_384);
  });
});
