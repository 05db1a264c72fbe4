import type { Core, LeaderRole } from './core.ts';
import { answerHeartbeat } from './follower.ts';
import type { Progress } from './progress.ts';
import { members, voteResult } from './quorum.ts';
import type { Quiesce, ReplicaId } from './types.ts';

// A group without anything to do goes to sleep: its replicas neither tick nor send, so that it costs nothing (CockroachDB's
// quiescence, TiKV's hibernating regions). The leader decides, when everybody who is there has everything and said so a moment ago.
//
// Nobody hears the leader of a sleeping group, so the hosts listen to each other instead, once for all of their groups: whoever
// loses a host wakes all replicas that lead it or follow it, and from then on timeouts decide as ever (G19). Sleeping changes when
// something is noticed, never what may be done: a vote, a read, a commit need what they always need (R3, R6).

/** There was nothing to do for long enough. */
export function mayQuiesce(core: Core, role: LeaderRole): boolean {
  const { quiesceTicks } = core.options;
  return quiesceTicks > 0 && role.idleTicks >= quiesceTicks;
}

/** There is nothing to do, and nobody needs anything. */
export function isIdle(core: Core, role: LeaderRole): boolean {
  const { log, config } = core;
  if (role.transfer !== undefined || role.reads.pending > 0) return false;
  if (config.outgoing.length > 0 || !core.knowsCommit) return false;
  if (log.commit < log.lastIndex || log.applied < log.lastIndex) return false;
  if (log.durable < log.lastIndex) return false;
  // Who is not there keeps nobody awake, as long as the others can commit: it wakes the leader when it is there again.
  if (role.followers.some((each) => core.isActive(each) && !isAtRest(core, each))) return false;
  const rests = (id: ReplicaId): boolean => {
    const progress = role.progressOf.get(id);
    return progress === undefined ? id === core.id : isAtRest(core, progress);
  };
  return voteResult(config, rests) === 'won';
}

// Whoever has not answered the last heartbeats may be behind a link that is about to be lost, or may have lost what it had.
function isAtRest({ log, options }: Core, { state, match, quarantine, silentTicks }: Progress) {
  const isThere = silentTicks <= 2 * options.heartbeatTicks;
  return isThere && state === 'replicate' && match === log.lastIndex && quarantine === 0;
}

/** Sends the whole group to sleep. */
export function quiesce(core: Core, role: LeaderRole): void {
  const { lastIndex: index, lastTerm: logTerm } = core.log;
  for (const progress of role.followers) {
    const { id } = progress;
    if (!core.isActive(progress)) continue;
    core.send({
      type: 'quiesce',
      from: core.id,
      to: id,
      term: core.term,
      incarnation: core.incarnation,
      index,
      logTerm,
    });
  }
  core.quiesced = true;
}

/**
 * A follower sleeps only if its log is the leader's, which it may not be when the message is an old one. Otherwise the leader
 * learns that it must not sleep either; should the answer be lost, this replica's election timeout wakes everybody.
 */
export function handleQuiesce(core: Core, message: Quiesce): void {
  const { index, logTerm } = message;
  const { log } = core;
  const isSame = log.lastIndex === index && log.lastTerm === logTerm && log.durable === index;
  if (!isSame || !core.counts || core.installing !== undefined) {
    answerHeartbeat(core, message.from, 0);
    return;
  }
  log.commitTo(index);
  core.quiesced = true;
}

/**
 * Who hears no leader and may not stand, a learner or one in quarantine, says that it is there: the leader may sleep. Until somebody
 * answers it knows of none: it may be a member no more.
 */
export function knock(core: Core): void {
  core.becomeFollower(core.term, 0);
  core.resetElectionTimer();
  if (core.options.quiesceTicks === 0) return;
  for (const { id } of members(core.config)) {
    if (id !== core.id) answerHeartbeat(core, id, 0);
  }
}

/**
 * Something happens. A follower that others than its leader wake tells the leader, which wakes the rest: if it is not there any
 * more, the follower's timeout finds that out.
 */
export function wake(core: Core, by = core.id): void {
  const { role } = core;
  if (role.name === 'leader') role.idleTicks = 0;
  if (!core.quiesced) return;
  core.quiesced = false;
  if (role.name === 'leader') {
    // Silence counts from here on, and everybody is heard again before the next sleep.
    for (const progress of role.followers) {
      if (core.isActive(progress)) progress.silentTicks = 0;
    }
    role.heartbeatElapsed = core.options.heartbeatTicks;
  } else {
    core.resetElectionTimer();
    if (core.leader !== by) answerHeartbeat(core, core.leader, 0);
  }
}
