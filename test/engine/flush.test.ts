import { describe, expect, it } from 'vitest';
import { utf8, utf8Text } from '../../src/bytes/index.ts';
import {
  MemoryEngine,
  openReplicaStates,
  type Reader,
  type ReplicaState,
  type ReplicaStateOptions,
  type Write,
  writeSnapshot,
} from '../../src/engine/index.ts';
import { MemoryDisk } from '../../src/sim/index.ts';
import { collect } from './contract.ts';

const SMALL: ReplicaStateOptions = { flushPartBytes: 100 };

const put = (key: string, value: string): Write => ({ key: utf8(key), value: utf8(value) });

function texts(reader: Reader): string[] {
  return collect(reader.range({ from: utf8(''), to: utf8('~') })).map(
    ({ key, value }) => `${utf8Text(key)}=${utf8Text(value)}`,
  );
}

async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}

/** An engine whose commits wait for `step`; it says whether there was one. */
function heldEngine() {
  const steps: (() => void)[] = [];
  const engine = new MemoryEngine({ schedule: (_stage, step) => steps.push(step) });
  const step = async () => {
    await settle();
    const next = steps.shift();
    next?.();
    await settle();
    return next !== undefined;
  };
  const settled = async <T>(promise: Promise<T>): Promise<T> => {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    promise.then(end, end);
    while (!isOver && (await step()));
    return promise;
  };
  return { engine, step, settled };
}

/** Twenty keys at index 1, all of them changed and one deleted at index 2; one value is of several pieces. */
const BEFORE = Array.from({ length: 20 }, (_, i) => put(`key ${i + 10}`, 'before'));
const AFTER = BEFORE.map(({ key }, i) => ({
  key,
  value: utf8(i === 12 ? `${'x'.repeat(20_000)}=after` : 'after'),
}));
const DELETED = { key: utf8('key 15'), value: undefined };

async function changed(
  engine: MemoryEngine,
  settled: <T>(promise: Promise<T>) => Promise<T>,
): Promise<ReplicaState> {
  const state = await settled(openReplicaStates(engine, SMALL).open(1));
  state.apply(1, 1, BEFORE);
  await settled(state.flush());
  state.apply(2, 1, [...AFTER, DELETED]);
  return state;
}

function isWhole(reader: Reader, value: 'before' | 'after'): boolean {
  const found = texts(reader);
  const count = value === 'before' ? 20 : 19;
  return found.length === count && found.every((text) => text.endsWith(`=${value}`));
}

describe('a flush that takes its time', () => {
  it('[E1] is all or nothing, wherever the node dies, and again while it is finished', async () => {
    const outcomes = new Set<string>();
    for (let dies = 1; ; dies++) {
      const { engine, step, settled } = heldEngine();
      const state = await changed(engine, settled);
      let flushed = false;
      void state.flush({ pace: settle }).then(() => {
        flushed = true;
      });
      for (let i = 0; i < dies; i++) {
        await step();
        expect(isWhole(state, 'after')).toBe(true);
      }
      // The first start after the crash dies, too, in the middle of whatever it does.
      let next = engine.crash(dies % 2);
      void openReplicaStates(next, SMALL).open(1);
      for (let i = 0; i < dies % 7; i++) await step();
      next = next.crash();
      const found = await settled(openReplicaStates(next, SMALL).open(1));
      const is = found.appliedIndex === 2 ? 'after' : 'before';
      outcomes.add(is);
      expect(isWhole(found, is), `after ${dies} steps`).toBe(true);
      if (flushed) {
        expect(is).toBe('after');
        break;
      }
    }
    expect([...outcomes].sort()).toEqual(['after', 'before']);
  });

  it('[E1] goes on after a full disk, and a state that is flushed at once leaves nothing of it', async () => {
    for (let fails = 1; fails < 60; fails++) {
      const { engine, settled } = heldEngine();
      const state = await changed(engine, settled);
      let commits = 0;
      engine.fault = () => (++commits === fails ? 'full' : undefined);
      const first = await settled(
        state.flush({ pace: settle }).then(
          () => 'done',
          () => 'full',
        ),
      );
      if (first === 'done') break;
      expect(isWhole(state, 'after')).toBe(true);
      await settled(fails % 2 === 0 ? state.flush({ pace: settle }) : state.flush());
      const plain = new MemoryEngine();
      const once = await openReplicaStates(plain, SMALL).open(1);
      once.apply(1, 1, BEFORE);
      await once.flush();
      once.apply(2, 1, [...AFTER, DELETED]);
      await once.flush();
      expect(engine.bytes, `fails at commit ${fails}`).toBe(plain.bytes);
      const found = await settled(openReplicaStates(engine.crash(), SMALL).open(1));
      expect(isWhole(found, 'after')).toBe(true);
    }
  });

  it('[E3] what a broken flush has sealed does not come back over a snapshot or a removal', async () => {
    const disk = new MemoryDisk();
    const source = await openReplicaStates(new MemoryEngine()).open(9);
    for (let index = 1; index <= 5; index++) source.apply(index, 2, [put('new', `${index}`)]);
    const view = source.view();
    await writeSnapshot(view, disk, 'snapshot', new Uint8Array(0));
    view.close();
    for (const then of ['install', 'remove'] as const) {
      const { engine, settled } = heldEngine();
      const states = openReplicaStates(engine, SMALL);
      const state = await settled(states.open(1));
      state.apply(1, 1, BEFORE);
      let commits = 0;
      // The seal is there, and a part of what it seals.
      engine.fault = () => (++commits === 7 ? 'full' : undefined);
      await settled(state.flush({ pace: settle }).catch(() => {}));
      expect(state.isDiskFull).toBe(true);
      if (then === 'install') await settled(state.installSnapshot(disk, 'snapshot'));
      else await settled(state.remove());
      const found = await settled(openReplicaStates(engine.crash(), SMALL).open(1));
      expect(texts(found)).toEqual(then === 'install' ? ['new=5'] : []);
      expect(found.appliedIndex).toBe(then === 'install' ? 5 : 0);
    }
  });

  it('[S4] one replica after the other is flushed for room, unless there is nearly none', async () => {
    const { engine, settled } = heldEngine();
    const states = openReplicaStates(engine, { ...SMALL, memtablesBytesMax: 26_000 });
    const a = await settled(states.open(1));
    const b = await settled(states.open(2));
    const big = 'x'.repeat(3000);
    a.apply(1, 1, [put('a', big), put('b', big)]);
    b.apply(1, 1, [put('a', big)]);
    expect([a.needsFlush, b.needsFlush]).toEqual([false, false]);
    expect(a.pressure).toBeLessThan(0.01);
    a.apply(2, 1, [put('c', big)]);
    expect([a.needsFlush, b.needsFlush]).toEqual([true, false]);
    const flushed = a.flush({ pace: settle });
    await settle();
    expect(b.needsFlush).toBe(false);
    b.apply(2, 1, [put('b', big), put('c', big)]);
    expect(b.pressure).toBe(1);
    expect(b.needsFlush).toBe(true);
    await settled(flushed);
    expect(b.needsFlush).toBe(false);
  });
});
