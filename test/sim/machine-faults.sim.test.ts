import { DAMAGE, DISK_FAULTS } from '../../src/sim/faults/disk-faults.ts';
import { PROCESS_FAULTS } from '../../src/sim/faults/process-faults.ts';
import { describeFaults } from './one-fault.ts';

describeFaults('processes that end or stall', PROCESS_FAULTS);
describeFaults(
  'disks that fail or lie',
  { ...DISK_FAULTS, ...DAMAGE },
  {
    'damage-snapshot': { nodes: 5, with: ['move-replica'] },
    misread: { seed: 7, minutes: 1, with: ['partition', 'pause'] },
  },
);
