import { expect, test } from 'vitest';
import { DAMAGE, DISK_FAULTS } from '../../src/sim/faults/disk-faults.ts';
import { MEMBER_FAULTS } from '../../src/sim/faults/member-faults.ts';
import { NETWORK_FAULTS } from '../../src/sim/faults/network-faults.ts';
import { PROCESS_FAULTS } from '../../src/sim/faults/process-faults.ts';
import { FAULTS } from '../../src/sim/index.ts';
import { describeFaults } from './one-fault.ts';

describeFaults('networks that fail', NETWORK_FAULTS);
describeFaults('replicas, shards and nodes that come and go', MEMBER_FAULTS, {
  'move-replica': { nodes: 5 },
  'cut-at-change': { nodes: 5 },
  'stop-at-change': { nodes: 5, seed: 12 },
  'drain-node': { nodes: 5 },
});

test('every fault is here or in machine-faults.sim.test.ts', () => {
  const here = { ...NETWORK_FAULTS, ...MEMBER_FAULTS };
  const there = { ...PROCESS_FAULTS, ...DISK_FAULTS, ...DAMAGE };
  expect(new Set(Object.keys({ ...here, ...there }))).toEqual(new Set(FAULTS));
});
