import { ByteReader, ByteWriter, equalBytes, MalformedError } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import type { RetryToken } from './command.ts';
import { RETRIES_KEY, retryBlockKey } from './keys.ts';
import { type RetryEntry, RetryGeneration, wordOf } from './retry-generation.ts';
import type { AnswerPlace } from './sessions.ts';

/**
 * An answer is remembered for at least this long after its command took effect, in milliseconds of session time; a retry
 * that comes later is a new command. SDKs give up far sooner: three or four tries with pauses of up to 20 s.
 */
export const RETRY_WINDOW_MS = 60_000;
/** What is forgotten is forgotten by the generation, so an answer stays for up to this much longer. */
const GENERATION_MS = RETRY_WINDOW_MS / 6;

const FORMAT = 1;

/** How much of a generation the state has: its entries, its blocks, and the length of the last one. */
interface Kept {
  readonly count: number;
  readonly blocks: number;
  readonly lastLength: number;
}

/**
 * Exactly once for clients (S1): the answers of the last minute by retry token, so that a request that an SDK sends again,
 * through whatever router, changes nothing and gets its first answer.
 *
 * Generations begin at fixed session times, and one is forgotten as a whole when even its last moment is past the window: so
 * by the time in the entries alone, at the same entry on every replica (G20). In the state each is a row of blocks, of which
 * `cacheWrites` writes what the state does not have yet; which it has it reads from the state itself, so that a flush that
 * failed, a snapshot and the state of another replica need no care.
 */
export class Retries {
  /** Oldest first. */
  #generations: RetryGeneration[] = [];

  /** What is counted for it in memory. */
  get bytes(): number {
    let bytes = 0;
    for (const generation of this.#generations) bytes += generation.bytes;
    return bytes;
  }

  /** Number of answers. */
  get count(): number {
    let count = 0;
    for (const generation of this.#generations) count += generation.count;
    return count;
  }

  /** The outcome of the first command with this token; a copy. */
  find(token: RetryToken): Uint8Array | undefined {
    const tag = wordOf(token, 0);
    const hash = wordOf(token, 4);
    for (let i = this.#generations.length - 1; i >= 0; i--) {
      const outcome = (this.#generations[i] as RetryGeneration).find(token, tag, hash);
      if (outcome) return outcome;
    }
    return undefined;
  }

  /** For a token that `find` does not know. `sessionTime` never goes back. The bytes are copied. */
  remember(
    sessionTime: number,
    token: RetryToken,
    { table, hash }: AnswerPlace,
    outcome: Uint8Array,
  ): void {
    const number = Math.floor(sessionTime / GENERATION_MS);
    let generation = this.#generations.at(-1);
    if (generation?.number !== number) {
      // As large as the one before: a table that grows by the way stands still while it does.
      generation = new RetryGeneration(number, generation?.count);
      this.#generations.push(generation);
    }
    generation.add({ token, table, hash, outcome });
  }

  /** Forgets what is past the window at this session time. */
  forget(sessionTime: number): void {
    for (;;) {
      const oldest = this.#generations[0];
      if (!oldest || (oldest.number + 1) * GENERATION_MS + RETRY_WINDOW_MS > sessionTime) return;
      this.#generations.shift();
    }
  }

  /** Everything, oldest first; the bytes are views. */
  *entries(): Generator<RetryEntry> {
    for (const generation of this.#generations) yield* generation.entries();
  }

  restore(state: Reader): void {
    this.#generations = [];
    for (const [number, { count, blocks, lastLength }] of readKept(state)) {
      const generation = new RetryGeneration(number, count);
      for (let i = 0; i < blocks; i++) {
        const block = state.get(retryBlockKey(number, i));
        if (!block || (i === blocks - 1 && block.length !== lastLength)) {
          throw new MalformedError(`retries: block ${i} of generation ${number} is not whole`);
        }
        generation.load(block);
      }
      if (generation.count !== count) {
        throw new MalformedError(`retries: ${generation.count} of ${count} in ${number}`);
      }
      this.#generations.push(generation);
    }
  }

  /** What `persisted` does not have yet, and deletes of what is forgotten. The values are views. */
  cacheWrites(persisted: Reader): Write[] {
    const writes: Write[] = [];
    const kept = readKept(persisted);
    for (const generation of this.#generations) {
      const { number, blockCount } = generation;
      const before = kept.get(number);
      kept.delete(number);
      // The last block that is there may have grown; those before it are as they were.
      const from = before ? before.blocks - 1 : 0;
      for (let i = from; i < blockCount; i++) {
        const value = generation.block(i);
        if (i === from && before?.lastLength === value.length) continue;
        writes.push({ key: retryBlockKey(number, i), value });
      }
    }
    for (const [number, { blocks }] of kept) {
      for (let i = 0; i < blocks; i++) {
        writes.push({ key: retryBlockKey(number, i), value: undefined });
      }
    }
    const record = this.#record();
    const before = persisted.get(RETRIES_KEY);
    const isSame = before && record ? equalBytes(before, record) : before === record;
    if (!isSame) writes.push({ key: RETRIES_KEY, value: record });
    return writes;
  }

  /** format, u8 · count, varint · for each generation: number, entries, blocks, length of the last one */
  #record(): Uint8Array | undefined {
    if (this.#generations.length === 0) return undefined;
    const writer = new ByteWriter(64).u8(FORMAT).varint(this.#generations.length);
    for (const generation of this.#generations) {
      const { number, count, blockCount } = generation;
      const { length } = generation.block(blockCount - 1);
      writer.varint(number).varint(count).varint(blockCount).varint(length);
    }
    return writer.take();
  }
}

function readKept(state: Reader): Map<number, Kept> {
  const kept = new Map<number, Kept>();
  const record = state.get(RETRIES_KEY);
  if (!record) return kept;
  const reader = new ByteReader(record);
  const format = reader.u8();
  if (format !== FORMAT) throw new MalformedError(`retries of format ${format}`);
  for (let left = reader.varint(); left > 0; left--) {
    kept.set(reader.varint(), {
      count: reader.varint(),
      blocks: reader.varint(),
      lastLength: reader.varint(),
    });
  }
  reader.end();
  return kept;
}
