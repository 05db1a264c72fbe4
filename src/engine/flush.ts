import type { Engine, Write } from './engine.ts';
import type { Pace } from './pace.ts';
import { pack, packedBytes } from './packed.ts';
import {
  decodeSeal,
  encodeSeal,
  type FlushSeal,
  flushPartKey,
  flushSealKey,
  recordWrite,
  type StateRecord,
} from './space.ts';

/** Writes in one part: each may touch a page of its own, which are to be few, since the log waits while they are written. */
const PART_WRITES = 256;
const PARTS_AT_START = 32;

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
  /** In the engine, of this flush or of one that was broken off. */
  #parts: number;
  /** Of the parts that are sealed. */
  #sizes: number[] = [];
  #sealed: StateRecord | undefined;

  constructor(engine: Engine, replica: number, partBytes: number) {
    this.#engine = engine;
    this.#replica = replica;
    this.#partBytes = partBytes;
    this.#parts = partsOf(engine, replica);
  }

  /**
   * `writes` in the order of their keys. Rejects with DiskError; called again with the same record and writes it goes on where it
   * stopped.
   */
  async run(record: StateRecord, writes: Iterable<Write>, pace: Pace): Promise<void> {
    if (this.#sealed !== record) await this.#writeDown(record, writes, pace);
    for (const [part, bytes] of this.#sizes.entries()) {
      await this.#engine.commitStored([flushPartKey(this.#replica, part)]).durable;
      await pace(bytes);
    }
    const state = recordWrite(this.#replica, record);
    await this.#engine.commit([state, ...this.removal()]).durable;
    this.removed();
  }

  /** What a commit that makes another state durable has to have as well, behind all it says of replicas and spaces. */
  removal(): readonly Write[] {
    return this.#parts > 0 ? withoutParts(this.#replica, this.#parts) : [];
  }

  /** That commit is durable. */
  removed(): void {
    this.#parts = 0;
    this.#sealed = undefined;
  }

  async #writeDown(record: StateRecord, writes: Iterable<Write>, pace: Pace): Promise<void> {
    const sizes: number[] = [];
    for (const value of partsFrom(writes, this.#partBytes)) {
      const key = flushPartKey(this.#replica, sizes.length);
      await this.#engine.commit([{ key, value }]).durable;
      sizes.push(value.length);
      this.#parts = Math.max(this.#parts, sizes.length);
      await pace(value.length);
    }
    const value = encodeSeal({ record, parts: sizes.length });
    await this.#engine.commit([{ key: flushSealKey(this.#replica), value }]).durable;
    this.#sizes = sizes;
    this.#sealed = record;
  }
}

function partsOf(engine: Engine, replica: number): number {
  let parts = 0;
  const from = flushPartKey(replica, 0);
  const cursor = engine.range({ from, to: flushPartKey(replica + 1, 0), keysOnly: true });
  while (cursor.next()) parts++;
  cursor.close();
  return parts;
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
  // Nobody else has use of the disk yet, and many small commits take longer.
  for (let part = 0; part < parts; part += PARTS_AT_START) {
    const count = Math.min(PARTS_AT_START, parts - part);
    const keys = Array.from({ length: count }, (_, i) => flushPartKey(replica, part + i));
    await engine.commitStored(keys).durable;
  }
  await engine.commit([recordWrite(replica, record), ...withoutParts(replica, parts)]).durable;
  return record;
}

function withoutParts(replica: number, parts: number): Write[] {
  const keys = Array.from({ length: parts }, (_, part) => flushPartKey(replica, part));
  return [...keys, flushSealKey(replica)].map((key) => ({ key, value: undefined }));
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
