import { type ByteReader, type ByteWriter, copyBytes, MalformedError } from '../bytes/index.ts';
import type { Config, Entry, EntryKind, Member, Message } from '../raft/index.ts';

/**
 * Raft messages in bytes. The sender's incarnation is not among them: it was told once when the connection was made, and
 * the decoder puts it into every message.
 */
const TYPES = [
  'vote-request',
  'pre-vote-request',
  'vote-response',
  'pre-vote-response',
  'append-request',
  'append-response',
  'heartbeat',
  'heartbeat-response',
  'snapshot-request',
  'read-index-request',
  'read-index-response',
  'timeout-now',
  'commit-notice',
  'quiesce',
] as const satisfies readonly Message['type'][];

const ENTRY_KINDS = ['normal', 'empty', 'config'] as const satisfies readonly EntryKind[];

export function writeRaftMessage(writer: ByteWriter, message: Message): void {
  writer
    .u8(TYPES.indexOf(message.type))
    .varint(message.from)
    .varint(message.to)
    .varint(message.term);
  switch (message.type) {
    case 'vote-request':
    case 'pre-vote-request':
      writer.varint(message.lastIndex).varint(message.lastTerm).boolean(message.transfer);
      break;
    case 'vote-response':
    case 'pre-vote-response':
      writer.boolean(message.granted);
      break;
    case 'append-request':
      writer.varint(message.prevIndex).varint(message.prevTerm).varint(message.commit);
      writeEntries(writer, message.entries);
      break;
    case 'append-response':
      writer
        .varint(message.index)
        .boolean(message.rejected)
        .varint(message.hintIndex)
        .varint(message.hintTerm)
        .varint(message.quarantine);
      break;
    case 'heartbeat':
      writer.varint(message.commit).varint(message.round);
      break;
    case 'heartbeat-response':
      writer.varint(message.round).varint(message.quarantine);
      break;
    case 'commit-notice':
      writer.varint(message.commit);
      break;
    case 'quiesce':
      writer.varint(message.index).varint(message.logTerm);
      break;
    case 'snapshot-request':
      writer.varint(message.snapshot.index).varint(message.snapshot.term);
      writeConfig(writer, message.snapshot.config);
      break;
    case 'read-index-request':
      writer.varint(message.context).boolean(message.confirms);
      break;
    case 'read-index-response':
      writer.varint(message.context).varint(message.index).boolean(message.rejected);
      break;
    case 'timeout-now':
      break;
  }
}

/** Throws {@link MalformedError}. Entries own their bytes: they are kept much longer than the frame. */
export function readRaftMessage(reader: ByteReader, incarnation: string): Message {
  const type = TYPES[reader.u8()];
  const from = reader.varint();
  const to = reader.varint();
  const term = reader.varint();
  switch (type) {
    case 'vote-request':
    case 'pre-vote-request':
      return {
        type,
        from,
        to,
        term,
        incarnation,
        lastIndex: reader.varint(),
        lastTerm: reader.varint(),
        transfer: reader.boolean(),
      };
    case 'vote-response':
    case 'pre-vote-response':
      return { type, from, to, term, incarnation, granted: reader.boolean() };
    case 'append-request': {
      const prevIndex = reader.varint();
      const prevTerm = reader.varint();
      const commit = reader.varint();
      const entries = readEntries(reader, prevIndex + 1);
      return { type, from, to, term, incarnation, prevIndex, prevTerm, commit, entries };
    }
    case 'append-response':
      return {
        type,
        from,
        to,
        term,
        incarnation,
        index: reader.varint(),
        rejected: reader.boolean(),
        hintIndex: reader.varint(),
        hintTerm: reader.varint(),
        quarantine: reader.varint(),
      };
    case 'heartbeat':
      return { type, from, to, term, incarnation, commit: reader.varint(), round: reader.varint() };
    case 'heartbeat-response':
      return {
        type,
        from,
        to,
        term,
        incarnation,
        round: reader.varint(),
        quarantine: reader.varint(),
      };
    case 'snapshot-request':
      return {
        type,
        from,
        to,
        term,
        incarnation,
        snapshot: { index: reader.varint(), term: reader.varint(), config: readConfig(reader) },
      };
    case 'read-index-request':
      return {
        type,
        from,
        to,
        term,
        incarnation,
        context: reader.varint(),
        confirms: reader.boolean(),
      };
    case 'read-index-response':
      return {
        type,
        from,
        to,
        term,
        incarnation,
        context: reader.varint(),
        index: reader.varint(),
        rejected: reader.boolean(),
      };
    case 'commit-notice':
      return { type, from, to, term, incarnation, commit: reader.varint() };
    case 'quiesce':
      return {
        type,
        from,
        to,
        term,
        incarnation,
        index: reader.varint(),
        logTerm: reader.varint(),
      };
    case 'timeout-now':
      return { type, from, to, term, incarnation };
    default:
      throw new MalformedError('raft message of an unknown type');
  }
}

/** Indexes follow from the first one; terms hardly ever change within one message. */
function writeEntries(writer: ByteWriter, entries: readonly Entry[]): void {
  writer.varint(entries.length);
  for (const entry of entries) {
    writer.varint(entry.term).u8(ENTRY_KINDS.indexOf(entry.kind)).bytes(entry.data);
  }
}

function readEntries(reader: ByteReader, first: number): Entry[] {
  const count = reader.varint();
  if (count > reader.remaining) throw new MalformedError(`${count} entries`);
  const entries: Entry[] = [];
  for (let i = 0; i < count; i++) {
    const term = reader.varint();
    const kind = ENTRY_KINDS[reader.u8()];
    if (kind === undefined) throw new MalformedError('entry of an unknown kind');
    entries.push({ index: first + i, term, kind, data: copyBytes(reader.bytes()) });
  }
  return entries;
}

export function writeConfig(writer: ByteWriter, config: Config): void {
  for (const members of [config.incoming, config.outgoing, config.learners]) {
    writer.varint(members.length);
    for (const { id, incarnation } of members) writer.varint(id).text(incarnation);
  }
  writer.varint(config.plan);
}

export function readConfig(reader: ByteReader): Config {
  return {
    incoming: readMembers(reader),
    outgoing: readMembers(reader),
    learners: readMembers(reader),
    plan: reader.varint(),
  };
}

function readMembers(reader: ByteReader): Member[] {
  const count = reader.varint();
  if (count > reader.remaining) throw new MalformedError(`${count} members`);
  return Array.from({ length: count }, () => ({
    id: reader.varint(),
    incarnation: reader.text(),
  }));
}
