import { describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/index.ts';
import { MemoryEngine } from '../../src/engine/index.ts';
import { engineContract, refused } from './contract.ts';

describe('the memory engine keeps the contract', () => {
  engineContract(() => {
    let engine = new MemoryEngine();
    return {
      open: async () => engine,
      reopen: async () => {
        engine = engine.crash();
        return engine;
      },
      destroy: async () => {},
    };
  });
});

describe('the memory engine', () => {
  const key = utf8('k');
  const write = (value: string) => [{ key, value: utf8(value) }];

  /** Steps that wait until they are run, by stage. */
  function held() {
    const steps = { visible: [] as (() => void)[], durable: [] as (() => void)[] };
    const engine = new MemoryEngine({ schedule: (stage, step) => steps[stage].push(step) });
    const run = async (stage: 'visible' | 'durable') => {
      steps[stage].shift()?.();
      for (let i = 0; i < 5; i++) await Promise.resolve();
    };
    return { engine, run };
  }

  // World 9290: whoever let the engine's steps happen met the error in place of who had asked for the commit.
  it('[E6] [F4] a commit of what is stored fails when that is damaged by then', async () => {
    const { engine, run } = held();
    engine.commit(write('1'));
    await run('visible');
    const { visible } = engine.commitStored([key]);
    engine.damage(key);
    const outcome = visible.then(
      () => 'visible',
      (error: Error) => error.name,
    );
    await run('visible');
    expect(await outcome).toBe('EngineDamagedError');
  });

  it('[E6] a commit is visible late, durable later, and a crash goes back to the last durable one', async () => {
    const { engine, run } = held();
    engine.commit(write('1'));
    engine.commit(write('2'));
    expect(engine.get(key)).toBeUndefined();
    await run('visible');
    expect(engine.get(key)).toEqual(utf8('1'));
    await run('durable');
    await run('visible');
    expect(engine.get(key)).toEqual(utf8('2'));
    const after = engine.crash();
    expect(after.get(key)).toEqual(utf8('1'));
    // What is left of the dead node reaches nobody.
    let told = false;
    void engine.commit(write('3')).visible.then(() => {
      told = true;
    });
    await run('visible');
    expect(told).toBe(false);
    expect(after.get(key)).toEqual(utf8('1'));
  });

  it('[E6] commits under way at a crash may turn out durable, the oldest first, and never tell', async () => {
    const { engine, run } = held();
    let told = false;
    for (const value of ['1', '2', '3']) {
      void engine.commit(write(value)).durable.then(() => {
        told = true;
      });
    }
    await run('visible');
    expect(engine.crash(2).get(key)).toEqual(utf8('2'));
    await run('visible');
    await run('durable');
    expect(told).toBe(false);
  });

  it('[E6] a full disk refuses a commit whole and heals when there is room', async () => {
    const engine = new MemoryEngine({ capacityBytes: 10 });
    await engine.commit(write('12345')).durable;
    const before = await engine
      .commit([
        { key: utf8('a'), value: utf8('1') },
        { key: utf8('b'), value: utf8('123456789') },
      ])
      .durable.catch((error: unknown) => error);
    expect(before).toMatchObject({ name: 'DiskError', code: 'full' });
    expect(engine.get(utf8('a'))).toBeUndefined();
    expect(await refused(engine, [{ key, value: undefined }])).toBe('none');
    expect(await refused(engine, write('123456789'))).toBe('none');
    expect(engine.bytes).toBe(10);
  });

  it('[E6] an injected failure refuses one commit, and those after it go on', async () => {
    const engine = new MemoryEngine();
    engine.fault = () => 'failed';
    const refusal = engine.commit(write('1'));
    await expect(refusal.visible).rejects.toMatchObject({ code: 'failed' });
    await expect(refusal.durable).rejects.toMatchObject({ code: 'failed' });
    engine.fault = undefined;
    await engine.commit(write('2')).durable;
    expect(engine.get(key)).toEqual(utf8('2'));
  });

  it('close waits for commits under way', async () => {
    const { engine, run } = held();
    engine.commit(write('1'));
    let closed = false;
    void engine.close().then(() => {
      closed = true;
    });
    await run('visible');
    expect(closed).toBe(false);
    await run('durable');
    expect(closed).toBe(true);
  });
});
