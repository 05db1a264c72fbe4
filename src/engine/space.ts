/*
 * Engine keys begin with a space id, u32: a replica's state is one space, so that it can be replaced and deleted as a whole
 * (E3). Space 0 holds what the engine knows about the others:
 *
 *     0 · 01 · replica u32    its state: space u32 · applied index u64 · applied term u64
 *     0 · 02                  the next space id that was never used, u32
 *     0 · 03 · space u32      to be deleted: holds nothing that counts
 *     0 · 04 · replica u32 · piece u32   what a flush is about to write (flush.ts)
 *     0 · 05 · replica u32    these pieces count: space u32 · applied index u64 · applied term u64 · parts u32 · pieces of each, u32
 */
import { allocateBytes, ByteReader, ByteWriter } from '../bytes/index.ts';
import type { Write } from './engine.ts';

export const SPACE_BYTES = 4;

/** Where a replica's durable state is and which entry it has applied last. */
export interface StateRecord {
  readonly space: number;
  readonly index: number;
  readonly term: number;
}

const META = 0;
const REPLICA = 1;
const NEXT_SPACE = 2;
const DELETED_SPACE = 3;
const FLUSH_PIECE = 4;
const FLUSH_SEAL = 5;

export const NEXT_SPACE_KEY = new ByteWriter(5).u32(META).u8(NEXT_SPACE).take();
export const REPLICA_RANGE = metaRange(REPLICA);
export const DELETED_SPACE_RANGE = metaRange(DELETED_SPACE);

export function replicaKey(replica: number): Uint8Array {
  return new ByteWriter(9).u32(META).u8(REPLICA).u32(replica).take();
}

export function deletedSpaceKey(space: number): Uint8Array {
  return new ByteWriter(9).u32(META).u8(DELETED_SPACE).u32(space).take();
}

export function flushPieceKey(replica: number, piece: number): Uint8Array {
  return new ByteWriter(13).u32(META).u8(FLUSH_PIECE).u32(replica).u32(piece).take();
}

export function flushSealKey(replica: number): Uint8Array {
  return new ByteWriter(9).u32(META).u8(FLUSH_SEAL).u32(replica).take();
}

/** Of a flush that is written down: what the state is when all of its parts are in their places. */
export interface FlushSeal {
  readonly record: StateRecord;
  /** How many pieces each part has. */
  readonly parts: readonly number[];
}

export function encodeSeal({ record, parts }: FlushSeal): Uint8Array {
  const writer = new ByteWriter(STATE_BYTES + 4 + 4 * parts.length);
  writer.raw(encodeState(record)).u32(parts.length);
  for (const pieces of parts) writer.u32(pieces);
  return writer.take();
}

export function decodeSeal(value: Uint8Array): FlushSeal {
  const record = decodeState(value.subarray(0, STATE_BYTES));
  const reader = new ByteReader(value, STATE_BYTES);
  const parts = Array.from({ length: reader.u32() }, () => reader.u32());
  reader.end();
  return { record, parts };
}

/** The number at the end of a {@link replicaKey} or {@link deletedSpaceKey}. */
export function idOf(key: Uint8Array): number {
  return new ByteReader(key, SPACE_BYTES + 1).u32();
}

const STATE_BYTES = 20;

export function encodeState({ space, index, term }: StateRecord): Uint8Array {
  return new ByteWriter(STATE_BYTES).u32(space).u64(index).u64(term).take();
}

export function recordWrite(replica: number, record: StateRecord): Write {
  return { key: replicaKey(replica), value: encodeState(record) };
}

export function decodeState(value: Uint8Array): StateRecord {
  const reader = new ByteReader(value);
  const record = { space: reader.u32(), index: reader.u64(), term: reader.u64() };
  reader.end();
  return record;
}

export function encodeSpace(space: number): Uint8Array {
  return new ByteWriter(4).u32(space).take();
}

export function decodeSpace(value: Uint8Array): number {
  return new ByteReader(value).u32();
}

export function spacePrefix(space: number): Uint8Array {
  return encodeSpace(space);
}

/** `key` behind the prefix of its space. */
export function inSpace(prefix: Uint8Array, key: Uint8Array): Uint8Array {
  const whole = allocateBytes(SPACE_BYTES + key.length);
  whole.set(prefix);
  whole.set(key, SPACE_BYTES);
  return whole;
}

function metaRange(kind: number): { from: Uint8Array; to: Uint8Array } {
  return {
    from: new ByteWriter(5).u32(META).u8(kind).take(),
    to: new ByteWriter(5)
      .u32(META)
      .u8(kind + 1)
      .take(),
  };
}
