import { ByteReader, ByteWriter, equalBytes, type Hash64 } from '../bytes/index.ts';
import { type Contents, readContents, writeContents } from './contents.ts';
import type { RetryEntry } from './retry-generation.ts';
import { RETRY_TOKEN_BYTES } from './retry-token.ts';

/**
 * A shard on its way from one group to another (C3), in parts that the group that serves it makes and the other one takes in as
 * entries of its log, one after the other:
 *
 * 1. its items in the order of their keys, as they are when a part is made;
 * 2. the items that changed since the group began to list changes, in the order of the changes, as they are now;
 * 3. what is remembered by retry token;
 * 4. once the shard is fenced and all of that is through, what is remembered for routers, and at the end what the shard has to be.
 *
 * Each part says where the next one begins, so that whoever leads either group goes on anywhere. What is in a part twice, or again
 * in a later one, does no harm: the newest comes last.
 */
export interface ShardPart {
  readonly items: readonly PartItem[];
  readonly retries: readonly RetryEntry[];
  readonly answers: readonly MovedAnswer[];
  /** Where the next part begins. */
  readonly next: MoveCursor;
  /** With the last part. */
  readonly end: ShardEnd | undefined;
}

export interface PartItem {
  /** Storage key (item/key.ts). */
  readonly key: Uint8Array;
  /** A stored value (stored-value.ts); undefined: there is none any more. */
  readonly value: Uint8Array | undefined;
}

/** How far a shard was read. */
export interface MoveCursor {
  /** Items from this storage key on, inclusive, are still to come; undefined: all were read. */
  readonly from: Uint8Array | undefined;
  /** The changes with sequences up to this one were read, or not listed any more when the copy began. */
  readonly changes: number;
  /** Of what is remembered by retry token: the generation, and what of it was read (retry-generation.ts). */
  readonly generation: number;
  readonly position: number;
  /** Of what is remembered for routers: everything up to this router's this sequence was read. */
  readonly router: number;
  readonly sequence: number;
}

/** An empty key is before all others. */
export const START: MoveCursor = {
  from: new Uint8Array(0),
  changes: 0,
  generation: 0,
  position: 0,
  router: 0,
  sequence: 0,
};

/** What the shard was when it was fenced: the other group must have come to the same. */
export interface ShardEnd extends Readonly<Contents> {
  readonly sequence: number;
}

/** An answer that a router may ask for again (sessions.ts). */
export interface MovedAnswer {
  readonly router: number;
  readonly sequence: number;
  readonly table: number;
  readonly hash: Hash64;
  readonly result: Uint8Array;
}

export function encodeShardPart({ items, retries, answers, next, end }: ShardPart): Uint8Array {
  const writer = new ByteWriter(1024);
  writer.varint(items.length);
  for (const { key, value } of items) {
    writer.bytes(key).boolean(value !== undefined);
    if (value) writer.bytes(value);
  }
  writer.varint(retries.length);
  for (const { token, table, hash, outcome } of retries) {
    writer.raw(token).varint(table).u32(hash.high).u32(hash.low).bytes(outcome);
  }
  writer.varint(answers.length);
  for (const { router, sequence, table, hash, result } of answers) {
    writer.u64(router).varint(sequence).varint(table).u32(hash.high).u32(hash.low).bytes(result);
  }
  writeMoveCursor(writer, next);
  writer.boolean(end !== undefined);
  if (end) writeEnd(writer, end);
  return writer.take();
}

/** The bytes are views. Throws {@link MalformedError}. */
export function decodeShardPart(bytes: Uint8Array): ShardPart {
  const reader = new ByteReader(bytes);
  const items: PartItem[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    const key = reader.bytes();
    items.push({ key, value: reader.boolean() ? reader.bytes() : undefined });
  }
  const retries: RetryEntry[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    retries.push({
      token: reader.raw(RETRY_TOKEN_BYTES),
      table: reader.varint(),
      hash: { high: reader.u32(), low: reader.u32() },
      outcome: reader.bytes(),
    });
  }
  const answers: MovedAnswer[] = [];
  for (let left = reader.varint(); left > 0; left--) {
    answers.push({
      router: reader.u64(),
      sequence: reader.varint(),
      table: reader.varint(),
      hash: { high: reader.u32(), low: reader.u32() },
      result: reader.bytes(),
    });
  }
  const next = readMoveCursor(reader);
  const end = reader.boolean() ? readEnd(reader) : undefined;
  reader.end();
  return { items, retries, answers, next, end };
}

export function isSamePlace(a: MoveCursor, b: MoveCursor): boolean {
  const isSameKey = a.from && b.from ? equalBytes(a.from, b.from) : a.from === b.from;
  const isSameItem = isSameKey && a.changes === b.changes;
  const isSameToken = a.generation === b.generation && a.position === b.position;
  return isSameItem && isSameToken && a.router === b.router && a.sequence === b.sequence;
}

export function writeMoveCursor(writer: ByteWriter, cursor: MoveCursor): void {
  writer.boolean(cursor.from !== undefined);
  if (cursor.from) writer.bytes(cursor.from);
  writer.varint(cursor.changes).varint(cursor.generation).varint(cursor.position);
  writer.u64(cursor.router).varint(cursor.sequence);
}

export function readMoveCursor(reader: ByteReader): MoveCursor {
  return {
    from: reader.boolean() ? reader.bytes().slice() : undefined,
    changes: reader.varint(),
    generation: reader.varint(),
    position: reader.varint(),
    router: reader.u64(),
    sequence: reader.varint(),
  };
}

function writeEnd(writer: ByteWriter, end: ShardEnd): void {
  writer.varint(end.sequence);
  writeContents(writer, end);
}

function readEnd(reader: ByteReader): ShardEnd {
  return { sequence: reader.varint(), ...readContents(reader) };
}
