import type { Engine, Write } from './engine.ts';
import type { Pace } from './pace.ts';
import { pack, packedBytes } from './packed.ts';
import {
  decodeSeal,
  encodeSeal,
  type FlushSeal,
  flushPieceKey,
  flushSealKey,
  recordWrite,
  type StateRecord,
} from './space.ts';

/** Writes in one part: each may touch a page of its own, which are to be few, since the log waits while they are written. */
const PART_WRITES = 256;
const PARTS_AT_START = 32;
/**
 * A value of so many bytes has one page of LMDB's (8 KiB). Longer ones have pages side by side, which are not found among those that
 * large deletions have left here and there without looking through all of them.
 */
const PIECE_BYTES = 8128;

/**
 * A large flush at a pace that leaves processors and disk to others, and still all or nothing (E1). One commit would be a burst
 * of tens of megabytes behind which every write to the log waits. So first everything is written down, in the engine too, in
 * parts that count for nothing; then a seal; then it is put in its places, bit by bit, while readers find all of it in the
 * memtable; and the last commit has the applied index and takes the seal away. Whoever finds a seal at the start puts
 * everything in its places before the state is used.
 */
export class PartedFlush {
  readonly #engine: Engine;
  readonly #replica: number;
  readonly #partBytes: number;
  /** Pieces in the engine, of this flush or of one that was broken off. */
  #pieces: number;
  /** Bytes of the parts that are sealed. */
  #sizes: number[] = [];
  #sealed: StateRecord | undefined;

  constructor(engine: Engine, replica: number, partBytes: number) {
    this.#engine = engine;
    this.#replica = replica;
    this.#partBytes = partBytes;
    this.#pieces = piecesOf(engine, replica);
  }

  /**
   * `writes` in the order of their keys. Rejects with DiskError; called again with the same record and writes it goes on where it
   * stopped.
   */
  async run(record: StateRecord, writes: Iterable<Write>, pace: Pace): Promise<void> {
    if (this.#sealed !== record) await this.#writeDown(record, writes, pace);
    let first = 0;
    for (const bytes of this.#sizes) {
      const end = first + piecesFor(bytes);
      await this.#engine.commitStored(pieceKeys(this.#replica, first, end)).durable;
      await pace(bytes);
      first = end;
    }
    const state = recordWrite(this.#replica, record);
    await this.#engine.commit([state, ...this.removal()]).durable;
    this.removed();
  }

  /** What a commit that makes another state durable has to have as well, behind all it says of replicas and spaces. */
  removal(): readonly Write[] {
    return this.#pieces > 0 ? withoutPieces(this.#replica, this.#pieces) : [];
  }

  /** That commit is durable. */
  removed(): void {
    this.#pieces = 0;
    this.#sealed = undefined;
  }

  async #writeDown(record: StateRecord, writes: Iterable<Write>, pace: Pace): Promise<void> {
    const sizes: number[] = [];
    let first = 0;
    for (const part of partsFrom(writes, this.#partBytes)) {
      const end = first + piecesFor(part.length);
      const pieces = pieceKeys(this.#replica, first, end).map((key, i) => ({
        key,
        value: part.subarray(i * PIECE_BYTES, (i + 1) * PIECE_BYTES),
      }));
      await this.#engine.commit(pieces).durable;
      sizes.push(part.length);
      this.#pieces = Math.max(this.#pieces, end);
      await pace(part.length);
      first = end;
    }
    const value = encodeSeal({ record, parts: sizes.map(piecesFor) });
    await this.#engine.commit([{ key: flushSealKey(this.#replica), value }]).durable;
    this.#sizes = sizes;
    this.#sealed = record;
  }
}

function piecesOf(engine: Engine, replica: number): number {
  let pieces = 0;
  const from = flushPieceKey(replica, 0);
  const cursor = engine.range({ from, to: flushPieceKey(replica + 1, 0), keysOnly: true });
  while (cursor.next()) pieces++;
  cursor.close();
  return pieces;
}

/** Ends a flush that a crash interrupted, if there is one: resolves with what the state is then. Rejects with DiskError. */
export function finishFlush(engine: Engine, replica: number): Promise<StateRecord> | undefined {
  const sealed = engine.get(flushSealKey(replica));
  return sealed && finish(engine, replica, decodeSeal(sealed));
}

async function finish(
  engine: Engine,
  replica: number,
  { record, parts }: FlushSeal,
): Promise<StateRecord> {
  let first = 0;
  // Nobody else has use of the disk yet, and many small commits take longer.
  for (let part = 0; part < parts.length; part += PARTS_AT_START) {
    const some = parts.slice(part, part + PARTS_AT_START);
    const end = some.reduce((sum, pieces) => sum + pieces, first);
    await engine.commitStored(pieceKeys(replica, first, end)).durable;
    first = end;
  }
  await engine.commit([recordWrite(replica, record), ...withoutPieces(replica, first)]).durable;
  return record;
}

function piecesFor(bytes: number): number {
  return Math.ceil(bytes / PIECE_BYTES);
}

function pieceKeys(replica: number, first: number, end: number): Uint8Array[] {
  return Array.from({ length: end - first }, (_, i) => flushPieceKey(replica, first + i));
}

function withoutPieces(replica: number, pieces: number): Write[] {
  const keys = [...pieceKeys(replica, 0, pieces), flushSealKey(replica)];
  return keys.map((key) => ({ key, value: undefined }));
}

function* partsFrom(writes: Iterable<Write>, partBytes: number): Generator<Uint8Array> {
  let part = new Uint8Array(partBytes);
  let view = new DataView(part.buffer);
  let at = 0;
  let count = 0;
  for (const write of writes) {
    const length = packedBytes(write);
    if (at > 0 && (at + length > part.length || count === PART_WRITES)) {
      yield part.slice(0, at);
      at = 0;
      count = 0;
    }
    if (length > part.length) {
      part = new Uint8Array(length);
      view = new DataView(part.buffer);
    }
    pack(part, view, at, write);
    at += length;
    count++;
  }
  if (at > 0) yield part.slice(0, at);
}
