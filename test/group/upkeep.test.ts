import { expect, test } from 'vitest';
import { Upkeep, type UpkeepOptions } from '../../src/group/upkeep.ts';
import { waitingClock } from '../support/waiting-clock.ts';
import { drain } from '../support/world.ts';

/** A replica that has applied 9 entries; its flush ends when it is told to. */
function closing() {
  const asked: string[] = [];
  let isClosed = false;
  let end = () => {};
  const state = {
    appliedIndex: 9,
    durableIndex: 0,
    needsFlush: true,
    isDiskFull: false,
    flush: () =>
      new Promise<void>((resolve) => {
        end = () => {
          state.durableIndex = 9;
          resolve();
        };
      }),
  };
  const log = {
    pinnedThrough: () => 9,
    liveBytes: () => 0,
    trim: (_: number, index: number) => asked.push(`trim ${index}`),
  };
  const raft = {
    storedIndex: 0,
    logBytes: 0,
    termAt: () => 1,
    compact: () => {},
    status: () => ({ followers: [] }),
  };
  const upkeep = new Upkeep({
    id: 1,
    group: 1,
    state,
    raft,
    host: {
      log,
      clock: waitingClock(0).clock,
      buggify: () => false,
      notice: () => {},
      snapshotWork: { offeredBytes: 0 },
    },
    limits: { logBytesKept: 1_000, storedLogBytesMax: Number.POSITIVE_INFINITY },
    snapshots: { makingIndex: undefined },
    silentTicksMax: 1,
    mayNot: () => isClosed,
    isClosed: () => isClosed,
    onFlushed: () => asked.push('flushed'),
  } as never as UpkeepOptions);
  return {
    upkeep,
    asked,
    close: () => {
      isClosed = true;
    },
    end: async () => {
      end();
      await drain();
    },
  };
}

test('[L3] after a flush the log lets go of what the engine has', async () => {
  const { upkeep, asked, end } = closing();
  upkeep.afterApply();
  await end();
  expect(asked).toEqual(['trim 9', 'flushed']);
});

// World 4 of three nodes: the log was closing, and takes nothing more.
test('[R8] a flush that ends after its replica was closed asks nothing of the log', async () => {
  const { upkeep, asked, close, end } = closing();
  upkeep.afterApply();
  close();
  await end();
  expect(asked).toEqual([]);
});
