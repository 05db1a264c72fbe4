import { expect, test } from 'vitest';
import type { Message, MessageType, Raft, Role } from '../../src/raft/index.ts';
import { bytes, configOf, DEFAULTS, incarnationOf, logOf, SimReplica } from './harness.ts';

// The whole table: what each role does with each message of an older, of its own and of a newer term. The types make
// it complete: a new role or message does not compile until its cells are filled.
//
// Replica 1 of three is in term 5 with one entry of term 4 (as leader, its own empty one after it). Replica 2 sends; a
// follower's leader is 2. Stickiness is off here: the transcripts and the paper's rules have it.
//
// A cell: the role afterwards with its term (and a follower's leader), then what leaves: at once, or (after "write:")
// when the write is durable.

type Age = 'older' | 'own' | 'newer';
type Row = Readonly<Record<MessageType, string>>;

const AGES: Readonly<Record<Age, number>> = { older: 4, own: 5, newer: 6 };

const MESSAGES: { readonly [T in MessageType]: (term: number) => Message } = {
  'vote-request': (term) => voteRequest('vote-request', term),
  'pre-vote-request': (term) => voteRequest('pre-vote-request', term),
  'vote-response': (term) => ({ type: 'vote-response', ...envelope(term), granted: true }),
  'pre-vote-response': (term) => ({ type: 'pre-vote-response', ...envelope(term), granted: true }),
  'append-request': (term) => ({
    type: 'append-request',
    ...envelope(term),
    prevIndex: 1,
    prevTerm: 4,
    entries: [{ index: 2, term, kind: 'normal', data: bytes('x') }],
    commit: 1,
  }),
  'append-response': (term) => ({
    type: 'append-response',
    ...envelope(term),
    index: 2,
    rejected: false,
    hintIndex: 0,
    hintTerm: 0,
    quarantine: 0,
  }),
  heartbeat: (term) => ({ type: 'heartbeat', ...envelope(term), commit: 1, round: 1 }),
  'commit-notice': (term) => ({ type: 'commit-notice', ...envelope(term), commit: 1 }),
  quiesce: (term) => ({ type: 'quiesce', ...envelope(term), index: 1, logTerm: 4 }),
  'heartbeat-response': (term) => ({
    type: 'heartbeat-response',
    ...envelope(term),
    round: 1,
    quarantine: 0,
  }),
  'snapshot-request': (term) => ({
    type: 'snapshot-request',
    ...envelope(term),
    snapshot: { index: 9, term: 4, config: configOf([1, 2, 3]) },
  }),
  'read-index-request': (term) => ({
    type: 'read-index-request',
    ...envelope(term),
    context: 7,
    confirms: true,
  }),
  'read-index-response': (term) => ({
    type: 'read-index-response',
    ...envelope(term),
    context: 7,
    index: 1,
    rejected: false,
  }),
  'timeout-now': (term) => ({ type: 'timeout-now', ...envelope(term) }),
};

function envelope(term: number): { from: number; to: number; term: number; incarnation: string } {
  return { from: 2, to: 1, term, incarnation: incarnationOf(2) };
}

function voteRequest(type: 'vote-request' | 'pre-vote-request', term: number): Message {
  return { type, ...envelope(term), lastIndex: 9, lastTerm: 4, transfer: false };
}

const ROLES: Readonly<Record<Role, () => SimReplica>> = {
  follower: () => {
    const replica = start(5, true);
    replica.raft.step({ type: 'heartbeat', ...envelope(5), commit: 0, round: 0 });
    return replica;
  },
  'pre-candidate': () => {
    const replica = start(5, true);
    replica.raft.campaign();
    return replica;
  },
  candidate: () => {
    const replica = start(4, false);
    replica.raft.campaign();
    return replica;
  },
  leader: () => {
    const replica = start(4, false);
    replica.raft.campaign();
    replica.settle(() => undefined);
    replica.raft.step({
      type: 'vote-response',
      ...envelope(5),
      from: 3,
      incarnation: incarnationOf(3),
      granted: true,
    });
    return replica;
  },
};

function start(term: number, preVote: boolean): SimReplica {
  return new SimReplica(
    1,
    {
      config: configOf([1, 2, 3]),
      entries: logOf([4]),
      hardState: { term, vote: 0, commit: 0 },
      preVote,
      checkQuorum: false,
      appendEmptyEntry: DEFAULTS.appendEmptyEntry,
    },
    () => 0,
    () => {},
  );
}

function outcome(role: Role, message: Message): string {
  const replica = ROLES[role]();
  while (replica.settle(() => undefined)) {}
  replica.reads = [];
  const { raft } = replica;
  if (raft.role !== role || raft.term !== 5) throw new Error(`not a ${role} of term 5`);
  try {
    raft.step(message);
  } catch (error) {
    return `stops: ${(error as Error).message}`;
  }
  return [describe(raft), ...leaving(replica)].join(', ');
}

function describe(raft: Raft): string {
  const leader =
    raft.role === 'follower' ? ` of ${raft.leader === 0 ? 'nobody' : raft.leader}` : '';
  return `${raft.role}${leader} t${raft.term}`;
}

function leaving(replica: SimReplica): string[] {
  const ready = replica.takeReady();
  if (ready === undefined) return [];
  const lines = ready.messages.map(short);
  if (ready.readStates.length > 0) lines.push('read state');
  if (ready.snapshot !== undefined) lines.push('snapshot to install');
  if (ready.committedEntries.length > 0) lines.push('apply');
  if (ready.messagesAfterWrite.length > 0) {
    lines.push(`write: ${ready.messagesAfterWrite.map(short).join(' ')}`);
  }
  return lines;
}

function short(message: Message): string {
  switch (message.type) {
    case 'vote-response':
    case 'pre-vote-response':
      return message.granted ? 'grants' : 'refuses';
    case 'append-response':
      return message.rejected ? 'rejects' : `has ${message.index}`;
    case 'read-index-response':
      return message.rejected ? 'rejects read' : 'answers read';
    default:
      return `${message.type} to ${message.to}`;
  }
}

const TABLE: Readonly<Record<Age, Readonly<Record<Role, Row>>>> = {
  older: {
    follower: {
      'vote-request': 'follower of 2 t5, refuses',
      'pre-vote-request': 'follower of 2 t5, refuses',
      'vote-response': 'follower of 2 t5',
      'pre-vote-response': 'follower of 2 t5',
      'append-request': 'follower of 2 t5, rejects',
      'append-response': 'follower of 2 t5',
      heartbeat: 'follower of 2 t5, rejects',
      'commit-notice': 'follower of 2 t5, rejects',
      quiesce: 'follower of 2 t5, rejects',
      'heartbeat-response': 'follower of 2 t5',
      'snapshot-request': 'follower of 2 t5, rejects',
      'read-index-request': 'follower of 2 t5, rejects read',
      'read-index-response': 'follower of 2 t5',
      'timeout-now': 'follower of 2 t5',
    },
    'pre-candidate': {
      'vote-request': 'pre-candidate t5, refuses',
      'pre-vote-request': 'pre-candidate t5, refuses',
      'vote-response': 'pre-candidate t5',
      'pre-vote-response': 'pre-candidate t5',
      'append-request': 'pre-candidate t5, rejects',
      'append-response': 'pre-candidate t5',
      heartbeat: 'pre-candidate t5, rejects',
      'commit-notice': 'pre-candidate t5, rejects',
      quiesce: 'pre-candidate t5, rejects',
      'heartbeat-response': 'pre-candidate t5',
      'snapshot-request': 'pre-candidate t5, rejects',
      'read-index-request': 'pre-candidate t5, rejects read',
      'read-index-response': 'pre-candidate t5',
      'timeout-now': 'pre-candidate t5',
    },
    candidate: {
      'vote-request': 'candidate t5, refuses',
      'pre-vote-request': 'candidate t5, refuses',
      'vote-response': 'candidate t5',
      'pre-vote-response': 'candidate t5',
      'append-request': 'candidate t5, rejects',
      'append-response': 'candidate t5',
      heartbeat: 'candidate t5, rejects',
      'commit-notice': 'candidate t5, rejects',
      quiesce: 'candidate t5, rejects',
      'heartbeat-response': 'candidate t5',
      'snapshot-request': 'candidate t5, rejects',
      'read-index-request': 'candidate t5, rejects read',
      'read-index-response': 'candidate t5',
      'timeout-now': 'candidate t5',
    },
    leader: {
      'vote-request': 'leader t5, refuses',
      'pre-vote-request': 'leader t5, refuses',
      'vote-response': 'leader t5',
      'pre-vote-response': 'leader t5',
      'append-request': 'leader t5, rejects',
      'append-response': 'leader t5',
      heartbeat: 'leader t5, rejects',
      'commit-notice': 'leader t5, rejects',
      quiesce: 'leader t5, rejects',
      'heartbeat-response': 'leader t5',
      'snapshot-request': 'leader t5, rejects',
      'read-index-request': 'leader t5',
      'read-index-response': 'leader t5',
      'timeout-now': 'leader t5',
    },
  },
  own: {
    follower: {
      'vote-request': 'follower of 2 t5, refuses',
      'pre-vote-request': 'follower of 2 t5, refuses',
      'vote-response': 'follower of 2 t5',
      'pre-vote-response': 'follower of 2 t5',
      'append-request': 'follower of 2 t5, apply, write: has 2',
      'append-response': 'follower of 2 t5',
      heartbeat: 'follower of 2 t5, heartbeat-response to 2, apply',
      'commit-notice': 'follower of 2 t5, apply',
      quiesce: 'follower of 2 t5, apply',
      'heartbeat-response': 'follower of 2 t5',
      'snapshot-request': 'follower of 2 t5, snapshot to install',
      'read-index-request': 'follower of 2 t5, rejects read',
      'read-index-response': 'follower of 2 t5, read state',
      'timeout-now': 'candidate t6, write: vote-request to 2 vote-request to 3',
    },
    'pre-candidate': {
      'vote-request': 'pre-candidate t5, write: grants',
      'pre-vote-request': 'pre-candidate t5, grants',
      'vote-response': 'pre-candidate t5',
      'pre-vote-response': 'pre-candidate t5',
      'append-request': 'follower of 2 t5, apply, write: has 2',
      'append-response': 'pre-candidate t5',
      heartbeat: 'follower of 2 t5, heartbeat-response to 2, apply',
      'commit-notice': 'follower of 2 t5, apply',
      quiesce: 'follower of 2 t5, apply',
      'heartbeat-response': 'pre-candidate t5',
      'snapshot-request': 'follower of 2 t5, snapshot to install',
      'read-index-request': 'pre-candidate t5, rejects read',
      'read-index-response': 'pre-candidate t5, read state',
      'timeout-now': 'pre-candidate t5',
    },
    candidate: {
      'vote-request': 'candidate t5, refuses',
      'pre-vote-request': 'candidate t5, refuses',
      'vote-response': 'leader t5, append-request to 2, append-request to 3',
      'pre-vote-response': 'candidate t5',
      'append-request': 'follower of 2 t5, apply, write: has 2',
      'append-response': 'candidate t5',
      heartbeat: 'follower of 2 t5, heartbeat-response to 2, apply',
      'commit-notice': 'follower of 2 t5, apply',
      quiesce: 'follower of 2 t5, apply',
      'heartbeat-response': 'candidate t5',
      'snapshot-request': 'follower of 2 t5, snapshot to install',
      'read-index-request': 'candidate t5, rejects read',
      'read-index-response': 'candidate t5, read state',
      'timeout-now': 'candidate t5',
    },
    leader: {
      'vote-request': 'leader t5, refuses',
      'pre-vote-request': 'leader t5, refuses',
      'vote-response': 'leader t5',
      'pre-vote-response': 'leader t5',
      'append-request': 'stops: raft: two leaders in one term (term=5 leader=1 other=2)',
      'append-response': 'leader t5, commit-notice to 2, apply',
      heartbeat: 'stops: raft: two leaders in one term (term=5 leader=1 other=2)',
      'commit-notice': 'stops: raft: two leaders in one term (term=5 leader=1 other=2)',
      quiesce: 'stops: raft: two leaders in one term (term=5 leader=1 other=2)',
      'heartbeat-response': 'leader t5, append-request to 2',
      'snapshot-request': 'stops: raft: two leaders in one term (term=5 leader=1 other=2)',
      'read-index-request': 'leader t5',
      'read-index-response': 'leader t5, read state',
      'timeout-now': 'leader t5',
    },
  },
  newer: {
    follower: {
      'vote-request': 'follower of nobody t6, write: grants',
      'pre-vote-request': 'follower of 2 t5, grants',
      'vote-response': 'follower of nobody t6',
      'pre-vote-response': 'follower of 2 t5',
      'append-request': 'follower of 2 t6, apply, write: has 2',
      'append-response': 'follower of nobody t6',
      heartbeat: 'follower of 2 t6, heartbeat-response to 2, apply',
      'commit-notice': 'follower of 2 t6, apply',
      quiesce: 'follower of 2 t6, apply',
      'heartbeat-response': 'follower of nobody t6',
      'snapshot-request': 'follower of 2 t6, snapshot to install',
      'read-index-request': 'follower of nobody t6, rejects read',
      'read-index-response': 'follower of nobody t6, read state',
      'timeout-now': 'candidate t7, write: vote-request to 2 vote-request to 3',
    },
    'pre-candidate': {
      'vote-request': 'follower of nobody t6, write: grants',
      'pre-vote-request': 'pre-candidate t5, grants',
      'vote-response': 'follower of nobody t6',
      'pre-vote-response': 'candidate t6, write: vote-request to 2 vote-request to 3',
      'append-request': 'follower of 2 t6, apply, write: has 2',
      'append-response': 'follower of nobody t6',
      heartbeat: 'follower of 2 t6, heartbeat-response to 2, apply',
      'commit-notice': 'follower of 2 t6, apply',
      quiesce: 'follower of 2 t6, apply',
      'heartbeat-response': 'follower of nobody t6',
      'snapshot-request': 'follower of 2 t6, snapshot to install',
      'read-index-request': 'follower of nobody t6, rejects read',
      'read-index-response': 'follower of nobody t6, read state',
      'timeout-now': 'candidate t7, write: vote-request to 2 vote-request to 3',
    },
    candidate: {
      'vote-request': 'follower of nobody t6, write: grants',
      'pre-vote-request': 'candidate t5, grants',
      'vote-response': 'follower of nobody t6',
      'pre-vote-response': 'candidate t5',
      'append-request': 'follower of 2 t6, apply, write: has 2',
      'append-response': 'follower of nobody t6',
      heartbeat: 'follower of 2 t6, heartbeat-response to 2, apply',
      'commit-notice': 'follower of 2 t6, apply',
      quiesce: 'follower of 2 t6, apply',
      'heartbeat-response': 'follower of nobody t6',
      'snapshot-request': 'follower of 2 t6, snapshot to install',
      'read-index-request': 'follower of nobody t6, rejects read',
      'read-index-response': 'follower of nobody t6, read state',
      'timeout-now': 'candidate t7, write: vote-request to 2 vote-request to 3',
    },
    leader: {
      'vote-request': 'follower of nobody t6, write: refuses',
      'pre-vote-request': 'leader t5, refuses',
      'vote-response': 'follower of nobody t6',
      'pre-vote-response': 'leader t5',
      'append-request': 'follower of 2 t6, apply, write: has 2',
      'append-response': 'follower of nobody t6',
      heartbeat: 'follower of 2 t6, heartbeat-response to 2, apply',
      'commit-notice': 'follower of 2 t6, apply',
      quiesce: 'follower of 2 t6, heartbeat-response to 2',
      'heartbeat-response': 'follower of nobody t6',
      'snapshot-request': 'follower of 2 t6, snapshot to install',
      'read-index-request': 'follower of nobody t6, rejects read',
      'read-index-response': 'follower of nobody t6, read state',
      'timeout-now': 'candidate t7, write: vote-request to 2 vote-request to 3',
    },
  },
};

for (const age of Object.keys(AGES) as Age[]) {
  for (const role of Object.keys(ROLES) as Role[]) {
    test(`[R2] ${role} × messages of ${age} term`, () => {
      const actual: Partial<Record<MessageType, string>> = {};
      for (const type of Object.keys(MESSAGES) as MessageType[]) {
        actual[type] = outcome(role, MESSAGES[type](AGES[age]));
      }
      expect(actual).toEqual(TABLE[age][role]);
    });
  }
}
