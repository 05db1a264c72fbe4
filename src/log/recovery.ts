import type { Disk } from '../ports/index.ts';
import { parseSegmentFile, type SegmentName, segmentFile } from './format.ts';
import type { LiveIndex } from './live-index.ts';
import { Replay } from './replay.ts';
import { type DamagedBatch, SegmentReader } from './segment-reader.ts';
import type { LogDamage, RecoveredReplica } from './types.ts';

/** Of the first segment of a log; from there on they count up by one. */
export const FIRST_GENERATION = 1;
/** The first segment has so many bytes at least, if segments have. */
export const FIRST_SEGMENT_BYTES = 64 * 1024;

/** What a directory of segments holds. */
export interface RecoveredLog {
  /** Those whose logs are whole. */
  readonly replicas: Map<number, RecoveredReplica>;
  readonly damage: readonly LogDamage[];
  /** Of all replicas, the damaged ones too. */
  readonly live: LiveIndex;
  /** Segments with batches, oldest first; the last one goes on at `end`. Empty when the log is new. */
  readonly segments: readonly SegmentName[];
  readonly end: number;
  /** A write that the last process could not finish stands there, of which nobody was told that it was done. */
  readonly torn: { readonly file: string; readonly offset: number } | undefined;
  /** Of the next batch. */
  readonly sequence: number;
  /** Segments without a batch, which come after the others. */
  readonly unused: readonly SegmentName[];
}

/**
 * Reads every batch in the order of the sequence numbers. A bad batch is the torn end of the log, unless a valid one comes
 * after it, or there is less of the files than there must be: then acknowledged records are lost (L2), and reading goes on
 * after the hole for whatever else can be told.
 */
export async function recover(disk: Disk, directory: string): Promise<RecoveredLog> {
  const names: SegmentName[] = [];
  for (const file of await disk.list(directory)) {
    const name = parseSegmentFile(file);
    if (name) names.push(name);
  }
  names.sort((a, b) => a.generation - b.generation);
  return new Recovery(disk, directory).run(names);
}

/** Where the next batch was expected at the end of a segment, and what is readable of the one that stands there. */
interface Suspect {
  readonly file: string;
  readonly offset: number;
  readonly batch: DamagedBatch | undefined;
  readonly name: SegmentName;
}

class Recovery {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #replay = new Replay();
  /** Of the next batch; undefined before the first one. */
  #sequence: number | undefined;
  #suspect: Suspect | undefined;
  #torn: { readonly file: string; readonly offset: number } | undefined;
  #active = -1;
  #end = 0;
  /** Of the last segment with a batch, as that says itself; the first one of all has no less. */
  #fileBytes = FIRST_SEGMENT_BYTES;
  /** The first segment without a batch, if it is shorter. */
  #short: { readonly file: string; readonly size: number } | undefined;

  constructor(disk: Disk, directory: string) {
    this.#disk = disk;
    this.#directory = directory;
  }

  async run(names: readonly SegmentName[]): Promise<RecoveredLog> {
    for (const [i, name] of names.entries()) {
      const before = names[i - 1];
      if (before && before.generation + 1 !== name.generation) this.#noticeGap(before, name);
      const reader = await SegmentReader.open(this.#disk, this.#directory, name);
      try {
        if (await this.#segment(reader, name)) this.#active = i;
        else this.#noticeShort(reader);
      } finally {
        await reader.close();
      }
    }
    const [first] = names;
    if (first && this.#active === -1) this.#noticeUnused(first);
    const oldest = first ? this.#path(first) : this.#directory;
    return {
      ...this.#replay.finish(oldest),
      live: this.#replay.live,
      segments: names.slice(0, this.#active + 1),
      end: this.#end,
      torn: this.#torn,
      sequence: this.#sequence ?? 1,
      unused: names.slice(this.#active + 1),
    };
  }

  /** False when no batch is in the segment. */
  async #segment(reader: SegmentReader, name: SegmentName): Promise<boolean> {
    let offset = 0;
    let fileBytes = 0;
    for (;;) {
      let batch = await reader.batch(offset);
      if (!batch || (this.#sequence !== undefined && batch.sequence !== this.#sequence)) {
        const readable = batch ? undefined : await reader.damagedBatch(offset);
        const suspect = { file: reader.path, offset, batch: readable, name };
        const later = batch ?? (await reader.find(offset));
        if (!later) {
          // The start of an unused segment is not where a batch was expected.
          if (offset > 0) this.#suspect = suspect;
          if (!batch && (await reader.isBegun(offset))) {
            this.#torn = { file: reader.path, offset };
          }
          break;
        }
        this.#noticeHole(offset === 0 && this.#suspect ? this.#suspect : suspect, later.sequence);
        batch = await reader.batch(later.offset);
        if (!batch) throw new Error(`${reader.path} changes while it is read`);
      }
      for (const record of batch.records) this.#replay.apply(batch.chunk, record, name);
      this.#sequence = batch.sequence + 1;
      offset = batch.next;
      fileBytes = batch.fileBytes;
    }
    if (offset === 0) return false;
    this.#end = offset;
    this.#fileBytes = fileBytes;
    this.#short = undefined;
    if (reader.size < fileBytes) {
      const reason = `only ${reader.size} of ${fileBytes} bytes are there`;
      this.#replay.damaged({ file: reader.path, offset, reason, replicas: undefined });
    }
    return true;
  }

  /** What follows is the batch `found`, although batch `#sequence` should. */
  #noticeHole({ file, offset, batch, name }: Suspect, found: number): void {
    this.#torn = undefined;
    const expected = this.#sequence;
    const reason = `batch ${expected ?? 'one'} is bad although batch ${found} after it is not`;
    if (batch && batch.sequence === (expected ?? found - 1) && batch.sequence + 1 === found) {
      for (const record of batch.records) this.#replay.apply(batch.chunk, record, name);
      const replicas = [...new Set(batch.damaged.map(({ replica }) => replica))];
      this.#replay.damaged({ file, offset, reason, replicas });
    } else {
      this.#replay.damaged({ file, offset, reason, replicas: undefined });
    }
  }

  /** Generations count up by one, so files between these two are gone. */
  #noticeGap(before: SegmentName, after: SegmentName): void {
    const reason = `no segment stands between it and ${segmentFile(after)}`;
    const file = this.#path(before);
    this.#replay.damaged({ file, offset: this.#end, reason, replicas: undefined });
  }

  /**
   * For one without a batch. A file is whole before the next one is begun, so that one which is shorter than both its neighbours was
   * cut, and with it the end of the log, if the next one has no batch either.
   */
  #noticeShort({ path, size }: SegmentReader): void {
    if (this.#short && this.#short.size < size) {
      const reason = `only ${this.#short.size} of ${this.#fileBytes} bytes are there`;
      this.#replay.damaged({ file: this.#short.file, offset: 0, reason, replicas: undefined });
      this.#short = undefined;
    } else if (size < this.#fileBytes) this.#short ??= { file: path, size };
  }

  /** No segment has a batch, which is so in a new log only: its first one is the first that there ever was. */
  #noticeUnused(first: SegmentName): void {
    if (first.generation === FIRST_GENERATION) return;
    const reason = 'no batch is in it, and the segments before it are gone';
    this.#replay.damaged({ file: this.#path(first), offset: 0, reason, replicas: undefined });
  }

  #path(name: SegmentName): string {
    return `${this.#directory}/${segmentFile(name)}`;
  }
}
