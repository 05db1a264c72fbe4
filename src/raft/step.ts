import type { Core } from './core.ts';
import {
  campaign,
  handleVoteRequest,
  handleVoteResponse,
  rejectOldCandidate,
  sticksToLeader,
} from './election.ts';
import {
  handleAppend,
  handleCommitNotice,
  handleHeartbeat,
  handleSnapshotRequest,
  hearLeader,
  rejectOldLeader,
} from './follower.ts';
import { assertNever, broken } from './invariant.ts';
import { handleQuiesce, wake } from './quiescence.ts';
import { findMember } from './quorum.ts';
import { handleReadIndexRequest, handleRoundAnswer } from './reads.ts';
import { handleAppendResponse, handleHeartbeatResponse } from './replication.ts';
import type { Message } from './types.ts';

/** What leaders and candidates send. */
const FOR_STRANGERS: ReadonlySet<Message['type']> = new Set<Message['type']>([
  'pre-vote-request',
  'vote-request',
  'append-request',
  'heartbeat',
  'commit-notice',
  'quiesce',
  'snapshot-request',
  'timeout-now',
]);

/** A message of another replica: first who it is from, then what its term says, then what it wants. */
export function step(core: Core, message: Message): void {
  if (message.to !== core.id || message.from === core.id || !isFromMember(core, message)) return;
  if (!Number.isSafeInteger(message.term) || message.term < 0) {
    throw broken('message term', { type: message.type, from: message.from, term: message.term });
  }
  if (core.quiesced) wake(core, message.from);
  if (message.term < core.term) stepOlder(core, message);
  else if (message.term === core.term || stepNewer(core, message)) stepCurrent(core, message);
}

// R7: another incarnation is another replica, whatever its id. A replica that has no configuration yet knows nobody, and
// believes the one that made it a member. So does one whose log ends before the entry that made the sender a member: if it did
// not hear such leaders and candidates, a group could stand still with a majority alive (thesis §4.1).
function isFromMember(core: Core, message: Message): boolean {
  if (core.config.incoming.length === 0) return !core.canVote;
  const member = findMember(core.config, message.from);
  return member === undefined
    ? FOR_STRANGERS.has(message.type)
    : member.incarnation === message.incarnation;
}

// The sender is behind. Only those who would never find out by themselves get an answer; old answers are dropped. Who
// asks for a read index may be behind: what it gets is no less true for it.
function stepOlder(core: Core, message: Message): void {
  switch (message.type) {
    case 'vote-request':
    case 'pre-vote-request':
      rejectOldCandidate(core, message);
      break;
    case 'append-request':
    case 'heartbeat':
    case 'commit-notice':
    case 'quiesce':
    case 'snapshot-request':
      rejectOldLeader(core, message.from);
      break;
    case 'read-index-request':
      handleReadIndexRequest(core, message);
      break;
    default:
      break;
  }
}

// Whoever sees a newer term enters it as a follower (Raft paper §5.1), except that a pre-vote is about a term that
// nobody has entered yet, and that stickiness overrules a candidate. False when the message ends here.
function stepNewer(core: Core, message: Message): boolean {
  switch (message.type) {
    case 'vote-request':
      if (sticksToLeader(core, message)) return false;
      core.becomeFollower(message.term, 0);
      return true;
    case 'pre-vote-request':
      return !sticksToLeader(core, message);
    case 'pre-vote-response':
      if (!message.granted) core.becomeFollower(message.term, 0);
      return true;
    case 'append-request':
    case 'heartbeat':
    case 'commit-notice':
    case 'quiesce':
    case 'snapshot-request':
      core.becomeFollower(message.term, message.from);
      return true;
    default:
      core.becomeFollower(message.term, 0);
      return true;
  }
}

function stepCurrent(core: Core, message: Message): void {
  const { role } = core;
  switch (message.type) {
    case 'vote-request':
    case 'pre-vote-request':
      handleVoteRequest(core, message);
      break;
    case 'vote-response':
    case 'pre-vote-response':
      handleVoteResponse(core, message);
      break;
    case 'append-request':
    case 'heartbeat':
    case 'commit-notice':
    case 'quiesce':
    case 'snapshot-request':
      stepFromLeader(core, message);
      break;
    case 'append-response':
      if (role.name === 'leader') handleAppendResponse(core, role, message);
      break;
    case 'heartbeat-response':
      if (role.name === 'leader') {
        handleHeartbeatResponse(core, role, message);
        handleRoundAnswer(core, role, message);
      }
      break;
    case 'read-index-request':
      handleReadIndexRequest(core, message);
      break;
    case 'read-index-response':
      core.readStates.push({
        context: message.context,
        index: message.index,
        rejected: message.rejected,
      });
      break;
    case 'timeout-now':
      if (role.name === 'follower') campaign(core, true);
      break;
    default:
      assertNever(message);
  }
}

type LeaderMessage = Extract<
  Message,
  { type: 'append-request' | 'heartbeat' | 'commit-notice' | 'quiesce' | 'snapshot-request' }
>;

function stepFromLeader(core: Core, message: LeaderMessage): void {
  const { leader } = core;
  if (leader !== 0 && leader !== message.from) {
    throw broken('two leaders in one term', { term: core.term, leader, other: message.from });
  }
  hearLeader(core, message.from);
  switch (message.type) {
    case 'append-request':
      handleAppend(core, message);
      break;
    case 'heartbeat':
      handleHeartbeat(core, message);
      break;
    case 'commit-notice':
      handleCommitNotice(core, message);
      break;
    case 'quiesce':
      handleQuiesce(core, message);
      break;
    case 'snapshot-request':
      handleSnapshotRequest(core, message);
      break;
  }
}
