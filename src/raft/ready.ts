import type { Core } from './core.ts';
import { entryBytes } from './raft-log.ts';
import { canStartRound, startRound } from './reads.ts';
import { sendAppends } from './replication.ts';
import type { Entry, Message, Ready } from './types.ts';

const NOTHING: readonly never[] = [];

export function hasReady(core: Core): boolean {
  const { log, role } = core;
  return (
    core.messages.length > 0 ||
    core.messagesAfterWrite.length > 0 ||
    mustWrite(core) ||
    (core.installing === undefined && log.taken < log.commit) ||
    core.readStates.length > 0 ||
    core.snapshotOffer !== undefined ||
    core.snapshotsWanted.length > 0 ||
    core.entriesWanted.length > 0 ||
    (role.name === 'leader' && (role.sendDue || canStartRound(core, role)))
  );
}

// A commit index alone is not worth a write: whoever restarts with an old one learns the rest from its leader.
function mustWrite(core: Core): boolean {
  const { hardStateOut, log } = core;
  return (
    log.written < log.lastIndex ||
    core.term !== hardStateOut.term ||
    core.vote !== hardStateOut.vote ||
    core.logReset !== undefined
  );
}

/** Hands out what has to be done and counts it as handed out. */
export function takeReady(core: Core): Ready {
  const { log, role } = core;
  if (role.name === 'leader') {
    if (canStartRound(core, role)) startRound(core, role);
    if (role.sendDue) {
      role.sendDue = false;
      sendAppends(core, role);
    }
  }

  let hardState: Ready['hardState'];
  let entries: readonly Entry[] = NOTHING;
  let writeNumber = 0;
  const { logReset } = core;
  if (mustWrite(core)) {
    const { term, vote, hardStateOut } = core;
    if (
      term !== hardStateOut.term ||
      vote !== hardStateOut.vote ||
      log.commit !== hardStateOut.commit
    ) {
      hardState = { term, vote, commit: log.commit };
      core.hardStateOut = hardState;
    }
    entries = log.takeUnwritten();
    core.logReset = undefined;
    writeNumber = core.writes.issue(hardState, entries.at(-1)?.index ?? 0, sum(entries));
  }

  const messagesAfterWrite = takeMessagesAfterWrite(core, writeNumber);
  const { messages, readStates, snapshotsWanted, entriesWanted, snapshotOffer } = core;
  // Most of them are empty, and an empty one is as good for the next time.
  if (messages.length > 0) core.messages = [];
  if (readStates.length > 0) core.readStates = [];
  if (snapshotsWanted.length > 0) core.snapshotsWanted = [];
  if (entriesWanted.length > 0) core.entriesWanted = [];
  core.snapshotOffer = undefined;
  return {
    writeNumber,
    hardState,
    logReset,
    entries,
    snapshot: snapshotOffer,
    messages: messages.length > 0 ? messages : NOTHING,
    messagesAfterWrite,
    committedEntries:
      core.installing === undefined && log.taken < log.commit ? log.takeCommitted() : NOTHING,
    readStates: readStates.length > 0 ? readStates : NOTHING,
    snapshotsWanted: snapshotsWanted.length > 0 ? snapshotsWanted : NOTHING,
    entriesWanted: entriesWanted.length > 0 ? entriesWanted : NOTHING,
  };
}

function sum(entries: readonly Entry[]): number {
  let bytes = 0;
  for (const entry of entries) bytes += entryBytes(entry);
  return bytes;
}

// Without a write of its own, a message that waits for durability goes with the newest write in flight; with nothing in
// flight, all it promises is durable already.
function takeMessagesAfterWrite(core: Core, writeNumber: number): readonly Message[] {
  const waiting = core.messagesAfterWrite;
  if (waiting.length === 0) return NOTHING;
  core.messagesAfterWrite = [];
  if (writeNumber !== 0) return waiting;
  if (core.writes.inFlight > 0) core.writes.hold(waiting);
  else for (const message of waiting) core.messages.push(message);
  return NOTHING;
}
