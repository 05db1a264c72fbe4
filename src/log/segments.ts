import type { Disk, DiskFile } from '../ports/index.ts';
import { type SegmentName, segmentFile, segmentSeed } from './format.ts';

/** A segment that is being written or is ready to be. */
export interface OpenSegment {
  readonly name: SegmentName;
  readonly seed: number;
  readonly file: DiskFile;
  /** In bytes: the file has this length, so that a write changes no metadata. */
  readonly capacity: number;
}

/**
 * A new file is filled in slices of this length, each durable before the next one: writes to the log beside it take a tenth
 * of a millisecond longer for half a second. Slices of a megabyte made them take three milliseconds.
 */
const SLICE_BYTES = 64 * 1024;

/** Makes segments ready for writing and takes them away, durably. */
export class SegmentFiles {
  readonly disk: Disk;
  readonly #directory: string;

  constructor(disk: Disk, directory: string) {
    this.disk = disk;
    this.#directory = directory;
  }

  path(name: SegmentName): string {
    return `${this.#directory}/${segmentFile(name)}`;
  }

  async open(name: SegmentName): Promise<OpenSegment> {
    const file = await this.disk.open(this.path(name), { durableWrites: true });
    return { name, seed: segmentSeed(name), file, capacity: await file.size() };
  }

  /** Makes what an earlier process wrote durable: it may still be in the operating system's cache only. */
  async sync(name: SegmentName): Promise<void> {
    const file = await this.disk.open(this.path(name));
    await file.sync();
    await file.close();
    await this.disk.syncDirectory(this.#directory);
  }

  /**
   * A new file full of zeros. When the disk is full it removes what it began and rejects; when it is not `needed` any more
   * it does likewise and returns undefined.
   */
  async create(
    name: SegmentName,
    capacity: number,
    needed: () => boolean,
  ): Promise<OpenSegment | undefined> {
    const file = await this.disk.open(this.path(name), { create: true, durableWrites: true });
    try {
      const zeros = new Uint8Array(Math.min(SLICE_BYTES, capacity));
      for (let at = 0; at < capacity; at += zeros.length) {
        await file.write(at, zeros.subarray(0, Math.min(zeros.length, capacity - at)));
        if (needed()) continue;
        await file.close();
        await this.remove(name);
        return undefined;
      }
      await file.sync();
    } catch (error) {
      await file.close();
      await this.remove(name);
      throw error;
    }
    await this.disk.syncDirectory(this.#directory);
    return { name, seed: segmentSeed(name), file, capacity };
  }

  /** Gives a segment that is not needed any more a new name, under which what it holds is not valid. */
  async recycle(from: SegmentName, to: SegmentName): Promise<OpenSegment> {
    await this.disk.rename(this.path(from), this.path(to));
    await this.disk.syncDirectory(this.#directory);
    return this.open(to);
  }

  /** Durable before it resolves, so that no later segment can be gone while this one is there again. */
  async remove(name: SegmentName): Promise<void> {
    await this.disk.remove(this.path(name));
    await this.disk.syncDirectory(this.#directory);
  }
}
