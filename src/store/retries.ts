import { ByteReader, ByteWriter, equalBytes, MalformedError, readU32 } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import { BLOCK_BYTES } from './block-stream.ts';
import { RETRIES_KEY } from './keys.ts';
import { type GenerationEnds, type RetryEntry, RetryGeneration } from './retry-generation.ts';
import type { RetryToken } from './retry-token.ts';

/**
 * An answer is remembered for at least this long after its command took effect, in milliseconds of session time; a retry
 * that comes later is a new command. SDKs give up far sooner: three or four tries with pauses of up to 20 s.
 */
export const RETRY_WINDOW_MS = 60_000;
/** What is forgotten is forgotten by the generation, so an answer stays for up to this much longer. */
const GENERATION_MS = RETRY_WINDOW_MS / 6;

const FORMAT = 1;

/**
 * Exactly once for clients (S1): the answers of the last minute by retry token, so that a request that an SDK sends again,
 * through whatever router, changes nothing and gets its first answer.
 *
 * Generations begin at fixed session times, and one is forgotten as a whole when even its last moment is past the window: so
 * by the time in the entries alone, at the same entry on every replica (G20). The answers are in the state, in blocks that
 * are written when they are full; memory has an index and the last blocks, which `cacheWrites` writes. What of them the
 * state has already it reads from the state itself, so that a flush that failed, a snapshot and the state of another
 * replica need no care.
 */
export class Retries {
  readonly #blockBytes: number;
  /** Oldest first. */
  #generations: RetryGeneration[] = [];

  /** Of the blocks in the state (block-stream.ts), a replicated limit: it must be the same on every replica. */
  constructor(blockBytes = BLOCK_BYTES) {
    this.#blockBytes = blockBytes;
  }

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
  find(token: RetryToken, state: Reader): Uint8Array | undefined {
    const tag = readU32(token, 0);
    for (let i = this.#generations.length - 1; i >= 0; i--) {
      const outcome = (this.#generations[i] as RetryGeneration).find(token, tag, state);
      if (outcome) return outcome;
    }
    return undefined;
  }

  /** For a token that `find` does not know. `sessionTime` never goes back. The bytes are copied. */
  remember(sessionTime: number, entry: RetryEntry, writes: Write[]): void {
    const number = Math.floor(sessionTime / GENERATION_MS);
    let generation = this.#generations.at(-1);
    if (generation?.number !== number) {
      // As large as the one before: a table that grows by the way stands still while it does.
      generation = new RetryGeneration(number, this.#blockBytes, generation?.count);
      this.#generations.push(generation);
    }
    generation.add(entry, writes);
  }

  /** Forgets what is past the window at this session time. */
  forget(sessionTime: number, writes: Write[]): void {
    for (;;) {
      const oldest = this.#generations[0];
      if (!oldest || (oldest.number + 1) * GENERATION_MS + RETRY_WINDOW_MS > sessionTime) return;
      oldest.deleteBlocks(writes);
      this.#generations.shift();
    }
  }

  /**
   * Everything, oldest first, from a place on: a generation and a position in it (retry-generation.ts). Each with the place after
   * it; the bytes are views.
   */
  *entries(
    state: Reader,
    from = { generation: 0, position: 0 },
  ): Generator<{
    readonly entry: RetryEntry;
    readonly generation: number;
    readonly position: number;
  }> {
    for (const generation of this.#generations) {
      const { number } = generation;
      if (number < from.generation) continue;
      const start = number === from.generation ? from.position : 0;
      for (const { entry, end } of generation.entries(state, start)) {
        yield { entry, generation: number, position: end };
      }
    }
  }

  restore(state: Reader): void {
    const kept = [...readKept(state).values()];
    this.#generations = kept.map((ends) => RetryGeneration.restore(ends, this.#blockBytes, state));
  }

  /** What `persisted` does not have yet. The values are views. */
  cacheWrites(persisted: Reader): Write[] {
    const writes: Write[] = [];
    const kept = readKept(persisted);
    for (const generation of this.#generations) {
      generation.openBlocks(kept.get(generation.number), writes);
    }
    const record = this.#record();
    const before = persisted.get(RETRIES_KEY);
    const isSame = before && record ? equalBytes(before, record) : before === record;
    if (!isSame) writes.push({ key: RETRIES_KEY, value: record });
    return writes;
  }

  /** format, u8 · number of generations · for each what {@link GenerationEnds} says, in its order, varints */
  #record(): Uint8Array | undefined {
    if (this.#generations.length === 0) return undefined;
    const writer = new ByteWriter(128).u8(FORMAT).varint(this.#generations.length);
    for (const { ends } of this.#generations) {
      writer
        .varint(ends.number)
        .varint(ends.count)
        .varint(ends.tokensClosed)
        .varint(ends.tokensOpen)
        .varint(ends.outcomesClosed)
        .varint(ends.outcomesOpen);
    }
    return writer.take();
  }
}

/** By number, ascending. */
function readKept(state: Reader): Map<number, GenerationEnds> {
  const kept = new Map<number, GenerationEnds>();
  const record = state.get(RETRIES_KEY);
  if (!record) return kept;
  const reader = new ByteReader(record);
  const format = reader.u8();
  if (format !== FORMAT) throw new MalformedError(`retries of format ${format}`);
  for (let left = reader.varint(); left > 0; left--) {
    const ends = {
      number: reader.varint(),
      count: reader.varint(),
      tokensClosed: reader.varint(),
      tokensOpen: reader.varint(),
      outcomesClosed: reader.varint(),
      outcomesOpen: reader.varint(),
    };
    kept.set(ends.number, ends);
  }
  reader.end();
  return kept;
}
