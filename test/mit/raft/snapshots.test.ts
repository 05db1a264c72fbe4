import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import type { RaftCluster } from './cluster.ts';
import { on } from './on.ts';

const ROUNDS = 30;
/** Of the log, without snapshots, in bytes. */
const LOG_BYTES_MAX = 2000;
const SNAPSHOT_EVERY = 10;

type Variant = 'neither' | 'disconnect' | 'crash';

const random = (c: RaftCluster) => `${c.random.uint32()}`;

function scheme(variant: Variant) {
  return async (c: RaftCluster): Promise<void> => {
    await c.agree(random(c), 3, true);
    let leader = await c.oneLeader();
    for (let round = 0; round < ROUNDS; round++) {
      let [victim, sender] = [c.after(leader, 1), leader];
      if (round % 3 === 1) [victim, sender] = [leader, c.after(leader, 1)];
      if (variant === 'disconnect') c.disconnect(victim);
      if (variant === 'crash') c.crash(victim);
      if (variant !== 'neither') await c.agree(random(c), 2, true);
      const count = SNAPSHOT_EVERY / 2 + c.random.below(SNAPSHOT_EVERY);
      for (let i = 0; i < count; i++) {
        c.server(sender)?.start(new TextEncoder().encode(random(c)));
      }
      // Without a victim all three take part, so that no follower lags behind.
      await c.agree(random(c), variant === 'neither' ? 3 : 2, true);
      expect(c.logSize).toBeLessThan(LOG_BYTES_MAX);
      if (variant === 'neither') continue;
      if (variant === 'crash') await c.restart(victim);
      c.connect(victim);
      await c.agree(random(c), 3, true);
      leader = await c.oneLeader();
    }
  };
}

async function crashAll(c: RaftCluster): Promise<void> {
  for (let i = 0; i < c.n; i++) c.crash(i);
  for (let i = 0; i < c.n; i++) {
    await c.restart(i);
    c.connect(i);
  }
}

async function snapshotInit(c: RaftCluster): Promise<void> {
  await c.agree(random(c), 3, true);
  for (let i = 0; i <= SNAPSHOT_EVERY; i++) await c.agree(random(c), 3, true);
  await crashAll(c);
  await c.agree(random(c), 3, true);
  await crashAll(c);
  await c.agree(random(c), 3, true);
}

async function snapshotAllCrash(c: RaftCluster): Promise<void> {
  await c.agree(random(c), 3, true);
  for (let round = 0; round < 5; round++) {
    const count = SNAPSHOT_EVERY / 2 + c.random.below(SNAPSHOT_EVERY);
    for (let i = 0; i < count; i++) await c.agree(random(c), 3, true);
    const before = await c.agree(random(c), 3, true);
    await crashAll(c);
    const after = await c.agree(random(c), 3, true);
    expect(after).toBeGreaterThanOrEqual(before + 1);
  }
}

const with3 = (unreliable: boolean) => ({ servers: 3, snapshots: true, unreliable });

describe('[G12][F30] 2D: snapshots', () => {
  mitTest('SnapshotBasic', on(with3(false), scheme('neither')));
  mitTest('SnapshotInstall', on(with3(false), scheme('disconnect')));
  mitTest('SnapshotInstallUnreliable', on(with3(true), scheme('disconnect')));
  mitTest('SnapshotInstallCrash', on(with3(false), scheme('crash')));
  mitTest('SnapshotInstallUnCrash', on(with3(true), scheme('crash')));
  mitTest('SnapshotAllCrash', on(with3(false), snapshotAllCrash));
  mitTest('SnapshotAllCrash, unreliable', on(with3(true), snapshotAllCrash));
  mitTest('SnapshotInit', on(with3(false), snapshotInit));
  mitTest('SnapshotInit, unreliable', on(with3(true), snapshotInit));
});
