import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import type { Engine } from '../../src/engine/index.ts';
import { openLmdb } from '../../src/engine/lmdb/index.ts';
import { engineContract } from './contract.ts';

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
