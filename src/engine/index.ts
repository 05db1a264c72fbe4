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
 * - applies every index exactly once, in order, and pauses while `isFull` (S4);
 * - calls `flush` when `needsFlush` or when the log needs it, and trims the log up to `durableIndex` afterwards (L3);
 * - closes views and cursors soon: they pin memory and pages of the disk.
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
export {
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
