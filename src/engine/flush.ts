import { ByteReader, ByteWriter } from '../bytes/index.ts';
import type { Engine, Write } from './engine.ts';
import { AT_ONCE, type Pace } from './pace.ts';
import {
  decodeSeal,
  encodeSeal,
  type FlushSeal,
  flushPartKey,
  flushSealKey,
  recordWrite,
  type StateRecord,
} from './space.ts';

/** Writes in one commit: each may touch a page of its own, which are to be few, since the log waits while they are written. */
const COMMIT_WRITES = 256;

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
  #sealed: StateRecord | undefined;

  constructor(engine: Engine, replica: number, partBytes: number) {
    this.#engine = engine;
    this.#replica = replica;
    this.#partBytes = partBytes;
    this.#parts = partsOf(engine, replica);
  }

  /**
   * `writes` gives the same each time for the same record, in the order of the keys. Rejects with DiskError; called again it
   * goes on where it stopped.
   */
  async run(record: StateRecord, writes: () => Iterable<Write>, pace: Pace): Promise<void> {
    if (this.#sealed !== record) await this.#writeDown(record, writes(), pace);
    await putInPlace(this.#engine, writes(), this.#partBytes, pace);
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
    let part = 0;
    for (const value of packed(writes, this.#partBytes)) {
      await this.#engine.commit([{ key: flushPartKey(this.#replica, part++), value }]).durable;
      this.#parts = Math.max(this.#parts, part);
      await pace(value.length);
    }
    const sealing = {
      key: flushSealKey(this.#replica),
      value: encodeSeal({ record, parts: part }),
    };
    await this.#engine.commit([sealing]).durable;
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
export function finishFlush(
  engine: Engine,
  replica: number,
  partBytes: number,
): Promise<StateRecord> | undefined {
  const sealed = engine.get(flushSealKey(replica));
  return sealed && finish(engine, replica, decodeSeal(sealed), partBytes);
}

async function finish(
  engine: Engine,
  replica: number,
  { record, parts }: FlushSeal,
  partBytes: number,
): Promise<StateRecord> {
  const writes = function* (): Generator<Write> {
    for (let part = 0; part < parts; part++) {
      const value = engine.get(flushPartKey(replica, part));
      if (!value) throw new Error(`replica ${replica}: part ${part} of a flush is missing`);
      yield* unpacked(value);
    }
  };
  await putInPlace(engine, writes(), partBytes, AT_ONCE);
  await engine.commit([recordWrite(replica, record), ...withoutParts(replica, parts)]).durable;
  return record;
}

function withoutParts(replica: number, parts: number): Write[] {
  const keys = Array.from({ length: parts }, (_, part) => flushPartKey(replica, part));
  return [...keys, flushSealKey(replica)].map((key) => ({ key, value: undefined }));
}

async function putInPlace(
  engine: Engine,
  writes: Iterable<Write>,
  partBytes: number,
  pace: Pace,
): Promise<void> {
  const left = writes[Symbol.iterator]();
  let isOver = false;
  while (!isOver) {
    let count = 0;
    let bytes = 0;
    const some = function* (): Generator<Write> {
      while (count < COMMIT_WRITES && bytes < partBytes) {
        const { done, value } = left.next();
        if (done) {
          isOver = true;
          return;
        }
        count++;
        bytes += value.key.length + (value.value?.length ?? 0);
        yield value;
      }
    };
    await engine.commit(some()).durable;
    await pace(bytes);
  }
}

function* packed(writes: Iterable<Write>, partBytes: number): Generator<Uint8Array> {
  const writer = new ByteWriter(partBytes);
  for (const { key, value } of writes) {
    writer.bytes(key).boolean(value !== undefined);
    if (value) writer.bytes(value);
    if (writer.length < partBytes) continue;
    yield writer.take();
    writer.reset();
  }
  if (writer.length > 0) yield writer.take();
}

function* unpacked(part: Uint8Array): Generator<Write> {
  const reader = new ByteReader(part);
  while (reader.remaining > 0) {
    const key = reader.bytes();
    yield { key, value: reader.boolean() ? reader.bytes() : undefined };
  }
}
