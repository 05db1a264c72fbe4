/**
 * The simulator: the ports in virtual time, and whole clusters on them. Everything above the ports is the code that runs in
 * production.
 *
 * In: a seed, and a `Host` (who can let microtasks run, the one thing that plain JavaScript cannot do). Out: a world
 * that does the same for the same seed, event by event, which `trace` proves.
 * What may fail: processes (killed, paused, stopped), machines (power), the network (cut in either direction, late, lossy,
 * resets, wrong bits), disks (what was not synced, faults, room, what is written or read at the wrong place). What may not: a
 * monotonic clock goes forward, a stream arrives in order.
 *
 * Read virtual-time.ts first, then process.ts, machine.ts and world.ts. run/ draws a world from a seed, with clients; faults/ has
 * what happens to it; check/ has what is looked at meanwhile and afterwards, and can be used by itself.
 *
 * `MemoryDisk` also keeps the data of a product's cluster in memory.
 */

export {
  type CheckResult,
  checkLinearizable,
  type Model,
  type Operation,
} from './check/linearizability.ts';
export {
  type AddInput,
  COUNTER,
  REGISTER,
  type RegisterInput,
  VERSIONED,
  type Versioned,
  type VersionedInput,
  type VersionedOutput,
} from './check/models.ts';
export { InvariantError, RaftInvariants } from './check/raft-invariants.ts';
export type { Happening } from './chronicle.ts';
export { FAULTS, type FaultKind } from './faults/faults.ts';
export { type Exit, Machine, type MachineOptions } from './machine.ts';
export {
  type DiskOperation,
  MemoryDisk,
  type MemoryDiskOptions,
} from './memory-disk.ts';
export type { Arrival, SimNetworkOptions } from './network.ts';
export { FAIR, SimNetwork, type Weather } from './network.ts';
export { SimProcess, type SimProcessOptions } from './process.ts';
export { SimRandom } from './random.ts';
export { SimBuggify } from './run/buggify.ts';
export type { Drawn } from './run/drawn.ts';

export {
  type Outcome,
  type Report,
  type RunOptions,
  runWorld,
  type SimulatedEvent,
} from './run/run.ts';
export { Trace } from './trace.ts';
export { type Host, VirtualTime } from './virtual-time.ts';
export { World, type WorldOptions } from './world.ts';
