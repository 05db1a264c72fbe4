import { DiskError, type Random } from '../ports/index.ts';
import type { SegmentName } from './format.ts';
import type { OpenSegment, SegmentFiles } from './segments.ts';

export interface SupplyOptions {
  readonly files: SegmentFiles;
  readonly segmentBytes: number;
  readonly random: Random | undefined;
}

/**
 * So many old segments wait to be used again: one is let go of before the one ahead is taken, and were it not kept, each segment
 * would be a new file, which costs as many bytes of zeros as of log.
 */
const SPARES_MAX = 2;

/**
 * A segment ahead of the one that is written, so that going on in the next costs nothing: an old one that is used again,
 * or a new file. Generations count up by one without a gap, so that a file that is gone is missed: a number is taken only
 * by a file that is there.
 */
export class SegmentSupply {
  readonly #options: SupplyOptions;
  #nextGeneration: number;
  /** In the order in which they are taken. */
  readonly #spares: OpenSegment[];
  #isDiskFull = false;
  #looking = false;

  /** `generation`: of the first segment to come. */
  constructor(options: SupplyOptions, generation: number, spare: OpenSegment | undefined) {
    this.#options = options;
    this.#nextGeneration = generation;
    this.#spares = spare ? [spare] : [];
  }

  get hasSpare(): boolean {
    return this.#spares.length > 0;
  }

  /** The disk had no room for a spare; `look` finds out when it has. */
  get isDiskFull(): boolean {
    return this.#isDiskFull;
  }

  take(): OpenSegment {
    const spare = this.#spares.shift();
    if (!spare) throw new Error('no spare segment');
    return spare;
  }

  /** A segment that nobody needs becomes a spare one, so that a full disk needs no room; or it goes. */
  async letGo(name: SegmentName): Promise<void> {
    const { files, segmentBytes } = this.#options;
    if (this.#spares.length >= SPARES_MAX) return files.remove(name);
    let segment: OpenSegment;
    try {
      segment = await files.recycle(name, this.#newName());
    } catch (error) {
      // A name can need room, too; then at least the file gives its own back.
      if (!isFull(error)) throw error;
      await files.remove(name);
      this.#isDiskFull = false;
      return;
    }
    if (segment.capacity === segmentBytes) {
      this.#accept(segment);
      return;
    }
    // The short first segment is not worth keeping.
    await segment.file.close();
    await files.remove(segment.name);
    this.#isDiskFull = false;
  }

  /** Makes a new file the spare, or notices that the disk is full. */
  async make(needed: () => boolean): Promise<void> {
    const { files, segmentBytes } = this.#options;
    try {
      const made = await files.create(this.#newName(), segmentBytes, needed);
      if (made) this.#accept(made);
    } catch (error) {
      if (!isFull(error)) throw error;
      this.#isDiskFull = true;
    }
  }

  /** Whether a disk that was full has room again. Asked rarely: nothing is written to find out. */
  async look(): Promise<boolean> {
    if (this.#looking || !this.#isDiskFull) return false;
    this.#looking = true;
    try {
      const free = await this.#options.files.disk.freeBytes();
      if (free >= this.#options.segmentBytes) this.#isDiskFull = false;
    } finally {
      this.#looking = false;
    }
    return !this.#isDiskFull;
  }

  async close(): Promise<void> {
    for (const { file } of this.#spares) await file.close();
  }

  #accept(segment: OpenSegment): void {
    this.#spares.push(segment);
    this.#isDiskFull = false;
    this.#nextGeneration++;
  }

  #newName(): SegmentName {
    return { generation: this.#nextGeneration, salt: this.#options.random?.uint32() ?? 0 };
  }
}

function isFull(error: unknown): boolean {
  return error instanceof DiskError && error.code === 'full';
}
