import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { open } from 'lmdb';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/index.ts';
import type { Engine } from '../../src/engine/index.ts';
import { openLmdb } from '../../src/engine/lmdb/index.ts';
import { ENVIRONMENT } from '../../src/engine/lmdb/options.ts';
import { engineContract } from './contract.ts';

/** How many transactions were ever committed in the environment. */
async function transactionsIn(path: string): Promise<number> {
  const root = open({ ...ENVIRONMENT, path });
  const { lastTxnId } = root.getStats() as { lastTxnId: number };
  await root.close();
  return lastTxnId;
}

describe('LMDB', () => {
  it('[E1] small commits that come at once share transactions, and each is there', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'flotilla-lmdb-'));
    let engine = await openLmdb(directory);
    await engine.close();
    const before = await transactionsIn(directory);
    engine = await openLmdb(directory);
    const keys = Array.from({ length: 400 }, (_, i) => utf8(`k${i}`));
    await Promise.all(keys.map((key) => engine.commit([{ key, value: key }]).durable));
    for (const key of keys) expect(engine.get(key)).toEqual(key);
    await engine.close();
    const used = (await transactionsIn(directory)) - before;
    expect(used).toBeLessThan(keys.length / 4);
    await rm(directory, { recursive: true });
  });
});

describe('LMDB keeps the contract', () => {
  engineContract(() => {
    let directory = '';
    let engine: Engine;
    return {
      open: async () => {
        directory = await mkdtemp(join(tmpdir(), 'flotilla-lmdb-'));
        engine = await openLmdb(directory);
        return engine;
      },
      reopen: async () => {
        await engine.close();
        engine = await openLmdb(directory);
        return engine;
      },
      destroy: async () => {
        await engine.close();
        await rm(directory, { recursive: true });
      },
    };
  });
});
