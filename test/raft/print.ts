import type { Config, Entry, Message, Raft, Ready } from '../../src/raft/index.ts';
import { text } from './harness.ts';

// How transcripts print: positions as index/term, messages as sender->receiver, one line each.

export function printEntry(entry: Entry): string {
  const place = `${entry.index}/${entry.term}`;
  switch (entry.kind) {
    case 'empty':
      return `${place} (empty)`;
    case 'config':
      return `${place} (${printConfig(JSON.parse(text(entry.data)) as Config)})`;
    case 'normal':
      return `${place} ${text(entry.data)}`;
  }
}

export function printConfig({ incoming, outgoing, learners, plan }: Config): string {
  const ids = (members: Config['incoming']) => members.map(({ id }) => id).join(' ');
  const old = outgoing.length > 0 ? `, before ${ids(outgoing)}` : '';
  const learning = learners.length > 0 ? `, learners ${ids(learners)}` : '';
  return `voters ${ids(incoming)}${old}${learning}${plan > 0 ? `, plan ${plan}` : ''}`;
}

/** Long runs show their ends only. */
export function printEntries(entries: readonly Entry[]): string {
  if (entries.length <= 4) return entries.map(printEntry).join(', ');
  const first = entries[0] as Entry;
  const last = entries.at(-1) as Entry;
  return `${first.index}/${first.term} to ${last.index}/${last.term}`;
}

export function printMessage(message: Message): string {
  return `${message.from}->${message.to} ${message.type} t${message.term}${details(message)}`;
}

function details(message: Message): string {
  switch (message.type) {
    case 'vote-request':
    case 'pre-vote-request': {
      const transfer = message.transfer ? ' transfer' : '';
      return ` last ${message.lastIndex}/${message.lastTerm}${transfer}`;
    }
    case 'vote-response':
    case 'pre-vote-response':
      return message.granted ? ' granted' : ' refused';
    case 'append-request': {
      const entries = message.entries.length === 0 ? '' : ` [${printEntries(message.entries)}]`;
      return ` after ${message.prevIndex}/${message.prevTerm}${entries} commit ${message.commit}`;
    }
    case 'append-response':
      return message.rejected
        ? ` rejects ${message.index}, perhaps ${message.hintIndex}/${message.hintTerm}`
        : ` has ${message.index}`;
    case 'heartbeat':
      return ` commit ${message.commit}${round(message.round)}`;
    case 'commit-notice':
      return ` commit ${message.commit}`;
    case 'heartbeat-response':
      return round(message.round);
    case 'quiesce':
      return ` at ${message.index}/${message.logTerm}`;
    case 'snapshot-request':
      return ` ${message.snapshot.index}/${message.snapshot.term}`;
    case 'read-index-request':
      return ` read ${message.context}`;
    case 'read-index-response':
      return ` read ${message.context} ${message.rejected ? 'rejected' : `from ${message.index}`}`;
    case 'timeout-now':
      return '';
  }
}

function round(number: number): string {
  return number === 0 ? '' : ` round ${number}`;
}

export function printReady(ready: Ready): string[] {
  const lines: string[] = [];
  if (ready.writeNumber > 0) {
    const { hardState, logReset } = ready;
    const parts = [`write ${ready.writeNumber}:`];
    if (hardState !== undefined) {
      parts.push(`term ${hardState.term} vote ${hardState.vote} commit ${hardState.commit}`);
    }
    if (logReset !== undefined) parts.push(`reset to ${logReset.index}/${logReset.term}`);
    if (ready.entries.length > 0) parts.push(`[${printEntries(ready.entries)}]`);
    lines.push(parts.join(' '));
  }
  for (const message of ready.messages) lines.push(`send ${printMessage(message)}`);
  for (const message of ready.messagesAfterWrite) {
    lines.push(`then ${printMessage(message)}`);
  }
  if (ready.committedEntries.length > 0)
    lines.push(`apply ${printEntries(ready.committedEntries)}`);
  for (const read of ready.readStates) {
    lines.push(`read ${read.context} ${read.rejected ? 'rejected' : `from ${read.index}`}`);
  }
  if (ready.snapshot !== undefined) {
    const { from, meta } = ready.snapshot;
    lines.push(`install ${meta.index}/${meta.term} from ${from}`);
  }
  if (ready.snapshotsWanted.length > 0) {
    lines.push(`snapshot wanted for ${ready.snapshotsWanted.join(', ')}`);
  }
  return lines;
}

/** One line for the replica and, of a leader, one for each follower. */
export function printStatus(raft: Raft): string[] {
  const status = raft.status();
  const terms: number[] = [];
  for (let i = status.firstIndex; i <= status.lastIndex; i++) terms.push(raft.termAt(i) ?? 0);
  const compacted = status.firstIndex > 1 ? `..${status.firstIndex - 1}| ` : '';
  const leader = status.leader === 0 ? 'no leader' : `leader ${status.leader}`;
  const lines = [
    `${status.id} ${status.role} term ${status.term} vote ${status.vote}, ${leader}, ` +
      `commit ${status.commit} of ${status.lastIndex}, log ${compacted}${terms.length === 0 ? 'empty' : terms.join(' ')}`,
  ];
  for (const follower of status.followers) {
    lines.push(
      `  ${follower.id}: ${follower.state} match ${follower.match} next ${follower.next} ` +
        `inflight ${follower.inflightAppends}`,
    );
  }
  return lines;
}
