import { ByteReader, type ByteWriter, copyBytes, MalformedError } from '../bytes/index.ts';
import {
  type PageOutcome,
  readPageOperation,
  readPageOutcome,
  type StoredItem,
  writePageOperation,
  writePageOutcome,
} from '../item/index.ts';
import { checkCommand, type PageQuery } from './command.ts';
import { type MoveCursor, readMoveCursor, writeMoveCursor } from './shard-part.ts';

/**
 * What a router asks a replica of a data group, and what it gets. The same messages serve a replica on the router's own
 * node, where nothing is encoded, and one elsewhere.
 */
export type GroupRequest =
  /** For the leader. `command` is an encoded write (command.ts), and whoever gets it takes its bytes over. */
  | { readonly kind: 'write'; readonly group: number; readonly command: Uint8Array }
  | {
      readonly kind: 'read';
      readonly group: number;
      readonly shard: number;
      readonly epoch: number;
      readonly key: Uint8Array;
      readonly consistent: boolean;
    }
  | {
      readonly kind: 'page';
      readonly group: number;
      readonly query: PageQuery;
      readonly consistent: boolean;
    }
  /** For the leader: the part of a shard that begins at the cursor, for the group that fetches the shard (shard-part.ts). */
  | {
      readonly kind: 'part';
      readonly group: number;
      readonly shard: number;
      readonly epoch: number;
      readonly cursor: MoveCursor;
      /** About so many; an item is never divided. */
      readonly bytesMax: number;
    }
  /** Items and bytes of the shards of a table that the replica's group serves. */
  | { readonly kind: 'statistics'; readonly group: number; readonly table: number };

export type GroupReply =
  /** An encoded {@link CommandResult}. */
  | { readonly kind: 'result'; readonly result: Uint8Array }
  | { readonly kind: 'item'; readonly item: StoredItem | undefined }
  | { readonly kind: 'page'; readonly page: PageOutcome }
  | { readonly kind: 'statistics'; readonly items: number; readonly bytes: number }
  /** An encoded {@link ShardPart}. `caughtUp`: there is no more for now, and the shard is not fenced. */
  | { readonly kind: 'part'; readonly part: Uint8Array; readonly caughtUp: boolean }
  /** Changes that a copy would need to go on at the cursor are listed no more. */
  | { readonly kind: 'begin-anew' }
  /** Nothing was done; `leader` is a node's name, empty when not known. */
  | { readonly kind: 'not-leader'; readonly leader: string }
  | { readonly kind: 'wrong-shard' }
  /** Refused early, nothing was done (S4). */
  | { readonly kind: 'overloaded' }
  /** Not known whether it was done: leadership was lost, the node is stopping, or the connection broke. */
  | { readonly kind: 'unknown' };

const REQUESTS = { write: 1, read: 2, page: 3, statistics: 4, part: 5 } as const;
const REPLIES = [
  'result',
  'item',
  'page',
  'statistics',
  'not-leader',
  'wrong-shard',
  'overloaded',
  'unknown',
  'part',
  'begin-anew',
] as const;

export function writeGroupRequest(writer: ByteWriter, request: GroupRequest): void {
  writer.u8(REQUESTS[request.kind]).varint(request.group);
  switch (request.kind) {
    case 'write':
      writer.raw(request.command);
      break;
    case 'read':
      writer
        .varint(request.shard)
        .varint(request.epoch)
        .boolean(request.consistent)
        .raw(request.key);
      break;
    case 'page':
      writer.varint(request.query.shard).varint(request.query.epoch).boolean(request.consistent);
      writePageOperation(writer, request.query.operation);
      break;
    case 'statistics':
      writer.varint(request.table);
      break;
    case 'part':
      writer.varint(request.shard).varint(request.epoch);
      writeMoveCursor(writer, request.cursor);
      writer.varint(request.bytesMax);
      break;
  }
}

/** Reads to the end of the reader. Byte fields are copies. Throws {@link MalformedError}. */
export function readGroupRequest(reader: ByteReader): GroupRequest {
  const kind = reader.u8();
  const group = reader.varint();
  switch (kind) {
    case REQUESTS.write: {
      const command = copyBytes(reader.raw(reader.remaining));
      checkCommand(command);
      return { kind: 'write', group, command };
    }
    case REQUESTS.read:
      return {
        kind: 'read',
        group,
        shard: reader.varint(),
        epoch: reader.varint(),
        consistent: reader.boolean(),
        key: copyBytes(reader.raw(reader.remaining)),
      };
    case REQUESTS.page: {
      const shard = reader.varint();
      const epoch = reader.varint();
      const consistent = reader.boolean();
      // The operation outlives the frame that it came in.
      const rest = new ByteReader(copyBytes(reader.raw(reader.remaining)));
      const operation = readPageOperation(rest);
      rest.end();
      return { kind: 'page', group, query: { shard, epoch, operation }, consistent };
    }
    case REQUESTS.statistics:
      return { kind: 'statistics', group, table: reader.varint() };
    case REQUESTS.part:
      return {
        kind: 'part',
        group,
        shard: reader.varint(),
        epoch: reader.varint(),
        cursor: readMoveCursor(reader),
        bytesMax: reader.varint(),
      };
    default:
      throw new MalformedError(`group request ${kind}`);
  }
}

export function writeGroupReply(writer: ByteWriter, reply: GroupReply): void {
  writer.u8(REPLIES.indexOf(reply.kind));
  switch (reply.kind) {
    case 'result':
      writer.raw(reply.result);
      break;
    case 'item':
      if (reply.item) writer.varint(reply.item.size + 1).raw(reply.item.json);
      else writer.varint(0);
      break;
    case 'page':
      writePageOutcome(writer, reply.page);
      break;
    case 'statistics':
      writer.varint(reply.items).varint(reply.bytes);
      break;
    case 'part':
      writer.boolean(reply.caughtUp).raw(reply.part);
      break;
    case 'not-leader':
      writer.text(reply.leader);
      break;
    case 'begin-anew':
    case 'wrong-shard':
    case 'overloaded':
    case 'unknown':
      break;
  }
}

/** Reads to the end of the reader. Byte fields are copies. Throws {@link MalformedError}. */
export function readGroupReply(reader: ByteReader): GroupReply {
  const kind = REPLIES[reader.u8()];
  switch (kind) {
    case 'result':
      return { kind, result: copyBytes(reader.raw(reader.remaining)) };
    case 'item': {
      const size = reader.varint();
      if (size === 0) return { kind, item: undefined };
      return { kind, item: { size: size - 1, json: copyBytes(reader.raw(reader.remaining)) } };
    }
    case 'page': {
      const rest = new ByteReader(copyBytes(reader.raw(reader.remaining)));
      const page = readPageOutcome(rest);
      rest.end();
      return { kind, page };
    }
    case 'statistics':
      return { kind, items: reader.varint(), bytes: reader.varint() };
    case 'part':
      return { kind, caughtUp: reader.boolean(), part: copyBytes(reader.raw(reader.remaining)) };
    case 'not-leader':
      return { kind, leader: reader.text() };
    case 'begin-anew':
    case 'wrong-shard':
    case 'overloaded':
    case 'unknown':
      return { kind };
    default:
      throw new MalformedError('group reply of an unknown kind');
  }
}
