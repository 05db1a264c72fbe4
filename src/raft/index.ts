/**
 * raft/: the consensus core of one replica. No input or output, no promises, no clock and no chance of its own: what
 * happens goes in as method calls, what has to be done comes out of `ready()`. It imports nothing.
 *
 * Sources: Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm" (the Raft paper); Ongaro,
 * "Consensus: Bridging Theory and Practice" (the thesis); etcd's raft, whose division of labour this follows.
 *
 * ## The host's duties
 *
 * 1. Start with what is durable. `entries` follow `compacted` without a gap. Where the durable state is ahead of the log
 *    on disk, or the log has another term at the state's index (a crash after a snapshot was installed and before the log
 *    was reset), nothing of that log counts: `entries` is empty and `compacted` is the state's index and term.
 * 2. Call `tick()` at equal intervals. After a stall of its own the host reads its sockets first and ticks once (R10).
 * 3. Give every message to `step()`, decoded and checked for its form. Loss, doubling, delay and reordering are normal.
 * 4. After any call, while `hasReady()`, take `ready()` and do what it says:
 *    a. Make {hardState, logReset, entries} durable in one write, in the order of the write numbers, then call
 *       `persisted(writeNumber)`. One call may stand for several writes: the highest number implies the lower ones.
 *    b. Send `messages` at once, beside the write.
 *    c. Send `messagesAfterWrite` when that write and all before it are durable, never sooner (R1). To lose one is
 *       harmless, to send one early is not. There are none without a write.
 *    d. Apply `committedEntries` in order, of all kinds, then call `applied(index)`; this may lag. They may be committed
 *       before they are durable here: state that is made durable must not be ahead of the log on this disk, unless a
 *       snapshot put it there.
 *    e. Serve the reads of `readStates` once their index is applied. A rejected one was not served: ask again.
 *    f. `snapshot`: fetch it from that replica's host and install it: durably, as the whole state, together with its
 *       configuration, after every entry taken before has been applied or dropped. Then `snapshotInstalled(meta)`, which
 *       counts as `applied(meta.index)`. When it cannot be had: `snapshotFailed(meta)`. One of the two must follow.
 *    g. `snapshotsWanted`: make a snapshot of the applied state, keep the log after it as long as it is in use, then
 *       `snapshotReady(to, meta)`, or `snapshotUnavailable(to)`. One of the two must follow.
 *    h. `entriesWanted`: read them back from the log, then `entriesRead(to, entries)`, or `entriesUnavailable(to)`. One of
 *       the two must follow.
 * 5. Call `evict(index)` to keep memory bounded, where entries up to `index` are applied and can be read back from the log,
 *    and `compact(index)` when the durable state holds everything up to `index` and the log on disk shall let go of it,
 *    keeping some for followers that are a little behind: one that needs a compacted entry costs a snapshot.
 * 6. Contexts of `readIndex` are unique per replica over restarts as well (begin at a random number): an answer to an
 *    old life would otherwise pass for a new one. Answers can get lost, so a read has a deadline.
 * 7. An accepted proposal is committed if the entry at its index has its term when applied, and lost if it has another.
 *    Until then its fate is open, also when leadership changes.
 * 8. With `quiesceTicks`: hosts hear of each other, whatever their replicas do. When a host loses another one, hears nothing
 *    from it, or has it back, it calls `reportUnreachable` or `wake()` of every replica that leads a replica there or follows
 *    one there: a group that sleeps would never learn that its leader is gone (G19), nor a leader that it is alone. A replica
 *    that starts is a host that is there again.
 * 9. Any thrown error is a broken invariant. The process must stop without another word (no send, no write).
 *
 * ## What may overlap
 *
 * The next `ready()` may be taken, and any method called, while earlier writes, sends and applications are under way. A
 * write counts only for entries that still stand when it completes (L5); the core keeps that account.
 *
 * ## The main loop
 *
 *     raft.tick() | raft.step(message) | raft.propose(data) | raft.readIndex(context) | …
 *     while (raft.hasReady()) {
 *       const ready = raft.ready();
 *       if (ready.writeNumber > 0) {
 *         log.write(ready.hardState, ready.logReset, ready.entries).then(() => {
 *           raft.persisted(ready.writeNumber);
 *           send(ready.messagesAfterWrite);           // and run this loop again
 *         });
 *       }
 *       send(ready.messages);
 *       apply(ready.committedEntries);                // then raft.applied(index)
 *       …
 *     }
 *
 * Take a ready once per turn of the event loop, not per proposal: all that was proposed in between shares one write and
 * one append per follower.
 *
 * ## Messages
 *
 * | type                | sent by                | who reacts, and how                                                   |
 * | ------------------- | ---------------------- | --------------------------------------------------------------------- |
 * | pre-vote-request    | pre-candidate          | all: would it get the vote? Changes nothing here (thesis §9.6)        |
 * | pre-vote-response   | all                    | pre-candidate: with a majority it stands                              |
 * | vote-request        | candidate, after write | all: one vote per term, to an up-to-date log (§5.2, §5.4.1)           |
 * | vote-response       | all, after write       | candidate: with a majority it leads; pre-candidate: so, if it is late |
 * | append-request      | leader                 | follower: checks, appends, commits (§5.3); candidates step back       |
 * | append-response     | follower, after write  | leader: moves match, commits by counting (§5.4.2), or probes further  |
 * | heartbeat           | leader                 | follower: hears its leader, commits; candidates step back             |
 * | commit-notice       | leader                 | follower: hears its leader, commits; nobody answers                   |
 * | quiesce             | leader                 | follower: sleeps, if its log is the leader's (quiescence.ts)          |
 * | heartbeat-response  | follower               | leader: CheckQuorum, read rounds, what was lost is sent again         |
 * | snapshot-request    | leader                 | follower: offers the snapshot to its host (§7)                        |
 * | read-index-request  | follower               | leader: joins the next read round; others reject (thesis §6.4)        |
 * | read-index-response | leader                 | whoever asked: a read state                                           |
 * | timeout-now         | leader                 | follower: stands at once, without pre-vote (thesis §3.10)             |
 *
 * A message of a newer term first makes its receiver a follower in that term, save pre-votes and what stickiness ignores;
 * one of an older term is answered only where its sender must learn the newer term. One of another incarnation of a member is
 * dropped, and so is the answer of a stranger; a leader or candidate that is a stranger may be a member in a configuration that
 * has not come here yet (R7).
 *
 * ## Membership
 *
 * `proposeConfig` of a leader begins a change; entries of the kind `config` carry it, and count from the moment when they are
 * appended (G11). The host makes {@link Raft.configAt} its applied index durable with the state, and starts with that. A new
 * replica starts without a configuration and `canVote: false`: it gets its first snapshot, and all else with it. A replica that
 * is no member any more hears nothing, so its host must learn elsewhere that it is to go.
 */
export type { RaftOptions } from './options.ts';
export type { ProgressState } from './progress.ts';
export type { VoteResult } from './quorum.ts';
export {
  findMember,
  findVoter,
  majority,
  members,
  quorumValue,
  voteResult,
  voters,
} from './quorum.ts';
export { Raft, type RaftView } from './raft.ts';
export { ENTRY_OVERHEAD_BYTES, entryBytes, type StoredLog } from './raft-log.ts';
export type { FollowerStatus, RaftStatus } from './status.ts';
export type {
  AppendRequest,
  AppendResponse,
  Config,
  ConfigOutcome,
  ConfigRefusal,
  EntriesWanted,
  Entry,
  EntryKind,
  HardState,
  Heartbeat,
  HeartbeatResponse,
  Incarnation,
  Index,
  LogPosition,
  Member,
  Membership,
  Message,
  MessageType,
  ProposalOutcome,
  ProposalRefusal,
  Quiesce,
  ReadIndexRequest,
  ReadIndexResponse,
  ReadState,
  Ready,
  ReplicaId,
  Role,
  SnapshotMeta,
  SnapshotRequest,
  Term,
  TimeoutNow,
  VoteRequest,
  VoteResponse,
} from './types.ts';
