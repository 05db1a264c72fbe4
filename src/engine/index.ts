/**
 * The engine: ordered keys and values on disk, and the state of each replica on top of it.
 *
 * The port is in engine.ts; `MemoryEngine` is its simulated twin with LMDB's limits and faults (E6), lmdb/ the real one,
 * which is not exported here because it needs Node.js. One contract suite holds both.
 *
 * A replica's state (`ReplicaState`) takes writes into a memtable at once and brings them to the engine in large atomic
 * flushes together with its applied index (E1). A crash loses memtables only: the log replays what is above `durableIndex`.
 * The caller
 *
 * - applies every index exactly once, in order, and pauses while `isFull`; takes nothing more while `isBacklogFull`, and says
 *   what waits (`waits`, S4);
 * - proposes and appends only while it may (`mayPropose`, `mayAppend`): a full disk leaves room in memory for what is under
 *   way (L4);
 * - calls `flush` when `needsFlush` or when the log needs it, again after a while when the disk was full (`isDiskFull`), and
 *   trims the log up to `durableIndex` afterwards (L3);
 * - reads a range to its end or closes it in the turn in which it was opened; closes views soon: they pin memory and pages;
 * - calls `deleteSpaces` now and then, a commit or two at a time: that bounds the rate at which replaced states go;
 * - sets `onDamage`, and serves nothing of a replica any more once it is told: reads that meet damage throw (F4).
 *
 * Memory outside the JavaScript heap, on a node with any number of replicas: memtables 48 MiB in all, beyond which apply
 * pauses, and up to 128 MiB more while the disk is full; memory for the next ones 32 MiB; writes on their way to LMDB 4 MiB; and in LMDB, while a flush is being written, a
 * page of 8 KiB for each place of the tree that it touches, which is at most the number of puts in a memtable of 16 MiB:
 * 45,000 of small items spread over more than that many pages take 350 MiB, a million items in four replicas 120 MiB.
 */
export {
  type Commit,
  type Cursor,
  damageText,
  type Engine,
  type EngineDamage,
  EngineDamagedError,
  type EngineSnapshot,
  type Pair,
  type Range,
  type Reader,
  type Write,
} from './engine.ts';
export { MemoryEngine, type MemoryEngineOptions } from './memory-engine.ts';
export { Memtable } from './memtable.ts';
export { AT_ONCE, type Pace, type PaceLimits, paceOf } from './pace.ts';
export {
  type FlushOptions,
  ReplicaState,
  type ReplicaStateOptions,
  type ReplicaView,
} from './replica-state.ts';
export {
  openReplicaStates,
  ReplicaStates,
  type ReplicaStatesOptions,
} from './replica-states.ts';
export { SnapshotDamagedError, type SnapshotHead } from './snapshot-format.ts';
export { readSnapshotHead, SnapshotReader, verifySnapshot } from './snapshot-reader.ts';
export { writeSnapshot } from './snapshot-writer.ts';
