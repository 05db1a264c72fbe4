import { type Disk, DiskError, type Random } from '../ports/index.ts';
import { BatchWriter } from './batch-writer.ts';
import {
  aligned,
  BATCH_HEADER_BYTES,
  ENTRY_HEADER_BYTES,
  HARD_STATE_BYTES,
  RECORD_HEADER_BYTES,
  REMOVE,
  RESET,
  type SegmentName,
  TRIM,
} from './format.ts';
import type { LiveIndex } from './live-index.ts';
import { type RecoveredLog, recover } from './recovery.ts';
import { type OpenSegment, SegmentFiles } from './segments.ts';
import type { LogAppend, LogPosition, RecoveredReplica } from './types.ts';

export interface LogOptions {
  /** Called once, when a write or sync failed (`full`: no room on the disk). The log is dead; the process must end (L1). */
  readonly onFatal: (error: DiskError) => void;
  /** Length of a segment, in bytes; 64 MiB unless told. */
  readonly segmentBytes?: number;
  /** With more live segments than this, `pinning` names replicas; 4 unless told. */
  readonly segmentsMax?: number;
  /** Upper bound of one write, in bytes, which one large append may exceed; 4 MiB unless told. */
  readonly batchBytesMax?: number;
  /** Salts the checksums of new segments, so that clients cannot forge batches. */
  readonly random?: Random;
}

const SEGMENT_BYTES = 64 * 1024 * 1024;
const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const SEGMENTS_MAX = 4;
/** The first segment is short, so that a new node is ready at once; meanwhile a whole one is prepared. */
const FIRST_SEGMENT_DIVISOR = 16;

/**
 * Opens the log in a directory, which is made when it is not there.
 *
 * Rejects with {@link LogDamagedError} or {@link DiskError}.
 */
export async function openLog(
  disk: Disk,
  directory: string,
  options: LogOptions,
): Promise<{ log: WriteAheadLog; replicas: Map<number, RecoveredReplica> }> {
  await disk.makeDirectory(directory);
  const recovered = await recover(disk, directory);
  const log = await WriteAheadLog.open(new SegmentFiles(disk, directory), recovered, options);
  return { log, replicas: recovered.replicas };
}

/** A step that waits to be written, or is being written. */
interface Queued {
  readonly replica: number;
  readonly step: LogAppend | undefined;
  readonly trim: LogPosition | undefined;
  readonly remove: boolean;
  /** Exact length of its records. */
  readonly bytes: number;
  readonly done: (() => void) | undefined;
}

/** The end of a replica's log with everything queued: what the next append must fit to. */
interface Tail {
  compacted: number;
  last: number;
}

/**
 * The write-ahead log of a node. Everything queued at `flush` is one write; at most one is under way; when it completes its
 * `done`s run in order, and what was queued meanwhile is the next write.
 */
export class WriteAheadLog {
  readonly #files: SegmentFiles;
  readonly #options: LogOptions;
  readonly #segmentBytes: number;
  readonly #batchBytesMax: number;
  readonly #live: LiveIndex;
  readonly #tails = new Map<number, Tail>();
  readonly #writer = new BatchWriter();
  /** Oldest first; the last one is `#active`. */
  readonly #segments: SegmentName[];
  #active: OpenSegment;
  #offset: number;
  #sequence: number;
  #nextGeneration: number;
  #spare: OpenSegment | undefined;
  /** The disk was full when a spare was to be made; tried again when it is needed. */
  #spareRefused = false;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #writing: readonly Queued[] | undefined;
  #waitsForSegment = false;
  #tending = false;
  #state: 'open' | 'closing' | 'dead' = 'open';
  #whenIdle: (() => void)[] = [];

  private constructor(
    files: SegmentFiles,
    recovered: RecoveredLog,
    segments: SegmentName[],
    active: OpenSegment,
    options: LogOptions,
  ) {
    this.#files = files;
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#batchBytesMax = Math.min(
      options.batchBytesMax ?? BATCH_BYTES_MAX,
      this.#segmentBytes / 2,
    );
    this.#live = recovered.live;
    for (const [replica, live] of this.#live.replicas()) {
      this.#tails.set(replica, { compacted: live.compacted.index, last: live.last });
    }
    this.#segments = segments;
    this.#active = active;
    this.#offset = recovered.end;
    this.#sequence = recovered.sequence;
    this.#nextGeneration = active.name.generation + 1;
  }

  /** See {@link openLog}. */
  static async open(
    files: SegmentFiles,
    recovered: RecoveredLog,
    options: LogOptions,
  ): Promise<WriteAheadLog> {
    const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    if (segmentBytes % 512 !== 0) throw new RangeError(`segmentBytes ${segmentBytes}`);
    const newest = recovered.segments.at(-1);
    if (newest) await files.sync(newest);
    let nextGeneration = (newest?.generation ?? 0) + 1;
    let spare: OpenSegment | undefined;
    for (const name of recovered.unused) {
      nextGeneration = Math.max(nextGeneration, name.generation + 1);
      const unused = spare ? undefined : await files.open(name);
      if (unused && unused.capacity >= segmentBytes) {
        spare = unused;
      } else {
        await unused?.file.close();
        await files.remove(name);
      }
    }
    const segments = [...recovered.segments];
    let active: OpenSegment;
    if (newest) {
      active = await files.open(newest);
    } else if (spare) {
      active = spare;
      spare = undefined;
      segments.push(active.name);
    } else {
      const bytes = Math.max(
        aligned(segmentBytes / FIRST_SEGMENT_DIVISOR),
        Math.min(segmentBytes, 64 * 1024),
      );
      const name = { generation: nextGeneration++, salt: options.random?.uint32() ?? 0 };
      active = (await files.create(name, bytes, () => true)) as OpenSegment;
      segments.push(name);
    }
    const log = new WriteAheadLog(files, recovered, segments, active, options);
    log.#nextGeneration = nextGeneration;
    log.#spare = spare;
    log.#tend();
    return log;
  }

  /** Bytes of records that wait for the next write. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether a write is under way. */
  get inFlight(): boolean {
    return this.#writing !== undefined;
  }

  /** Number of segments that hold the log, without the spare one. */
  get liveSegments(): number {
    return this.#segments.length;
  }

  /**
   * Queues one step of a replica's log; `done` is called once it is durable, never when the log died first. The entries'
   * data must not change until then.
   */
  append(replica: number, step: LogAppend, done: () => void): void {
    const tail = this.#tail(replica);
    let bytes = 0;
    if (step.reset) {
      if (step.reset.index < tail.compacted) {
        throw new Error(`replica ${replica}: reset to ${step.reset.index} < ${tail.compacted}`);
      }
      tail.compacted = step.reset.index;
      tail.last = step.reset.index;
      bytes += RECORD_HEADER_BYTES;
    }
    if (step.entries) bytes += this.#checkEntries(replica, step.entries, tail);
    if (step.hardState) bytes += HARD_STATE_BYTES;
    if (bytes > this.#segmentBytes / 2) {
      throw new RangeError(`replica ${replica}: ${bytes} bytes do not fit into a segment`);
    }
    this.#enqueue({ replica, step, trim: undefined, remove: false, bytes, done });
  }

  /** Everything up to this place of the replica's log is not needed any more. Written with the next write. */
  trim(replica: number, index: number, term: number): void {
    const tail = this.#tail(replica);
    if (index <= tail.compacted) return;
    if (index > tail.last) {
      throw new Error(`replica ${replica}: trim to ${index} > last index ${tail.last}`);
    }
    tail.compacted = index;
    const trim = { index, term };
    const bytes = RECORD_HEADER_BYTES;
    this.#enqueue({ replica, step: undefined, trim, remove: false, bytes, done: undefined });
  }

  /** Nothing of the replica is needed any more. Written with the next write. */
  remove(replica: number): void {
    if (!this.#tails.delete(replica)) return;
    const bytes = RECORD_HEADER_BYTES;
    this.#enqueue({
      replica,
      step: undefined,
      trim: undefined,
      remove: true,
      bytes,
      done: undefined,
    });
  }

  /** Starts to write what is queued, unless a write is under way: then it follows by itself. */
  flush(): void {
    if (this.#writing === undefined && this.#queue.length > 0 && this.#state !== 'dead') {
      this.#startBatch();
    }
  }

  /** While more than `segmentsMax` segments are live: the replicas that need the oldest one, so flush these (L3). */
  pinning(): number[] {
    const max = this.#options.segmentsMax ?? SEGMENTS_MAX;
    return this.#segments.length > max
      ? this.#live.pinning((this.#segments[0] as SegmentName).generation)
      : [];
  }

  /** About how many bytes of the replica's entries are durable and not trimmed. */
  liveBytes(replica: number): number {
    return this.#live.get(replica)?.bytes ?? 0;
  }

  /** Writes what is queued and closes the files. */
  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing';
    this.flush();
    while (this.#state !== 'dead' && (this.#writing || this.#queue.length > 0 || this.#tending)) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    await this.#active.file.close();
    await this.#spare?.file.close();
  }

  #tail(replica: number): Tail {
    let tail = this.#tails.get(replica);
    if (!tail) {
      tail = { compacted: 0, last: 0 };
      this.#tails.set(replica, tail);
    }
    return tail;
  }

  /** Returns the length of the entries' records. */
  #checkEntries(replica: number, entries: NonNullable<LogAppend['entries']>, tail: Tail): number {
    const first = entries[0];
    if (!first) return 0;
    if (first.index <= tail.compacted || first.index > tail.last + 1) {
      const range = `${tail.compacted + 1} to ${tail.last + 1}`;
      throw new Error(`replica ${replica}: entry ${first.index} is outside ${range}`);
    }
    let { index, term } = first;
    let bytes = RECORD_HEADER_BYTES;
    for (const entry of entries) {
      if (entry.index !== index || entry.term < term) {
        const found = `{${entry.index}, ${entry.term}}`;
        throw new Error(`replica ${replica}: entry ${found} after {${index - 1}, ${term}}`);
      }
      if (entry.term !== term) bytes += RECORD_HEADER_BYTES;
      bytes += ENTRY_HEADER_BYTES + entry.data.length;
      term = entry.term;
      index++;
    }
    tail.last = index - 1;
    return bytes;
  }

  #enqueue(queued: Queued): void {
    if (this.#state !== 'open') {
      if (this.#state === 'closing') throw new Error('the log is closing');
      return; // Dead: what is not durable by now never is, and no done is called (L1).
    }
    this.#queue.push(queued);
    this.#queuedBytes += queued.bytes;
  }

  #startBatch(): void {
    let bytes = 0;
    let count = 0;
    for (const queued of this.#queue) {
      if (count > 0 && bytes + queued.bytes > this.#batchBytesMax) break;
      bytes += queued.bytes;
      count++;
    }
    this.#writing = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count);
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count);
    this.#queuedBytes -= bytes;
    if (this.#offset + aligned(BATCH_HEADER_BYTES + bytes) <= this.#active.capacity) {
      this.#write(bytes, false);
    } else if (this.#spare) {
      this.#switchSegment();
    } else {
      this.#waitsForSegment = true;
      this.#tend();
    }
  }

  /** Goes on in the spare segment, whose first batch begins with the state of every replica. */
  #switchSegment(): void {
    const full = this.#active;
    this.#active = this.#spare as OpenSegment;
    this.#spare = undefined;
    this.#offset = 0;
    this.#segments.push(this.#active.name);
    full.file.close().catch((error: unknown) => this.#die(error));
    let bytes = this.#live.size * (RECORD_HEADER_BYTES + HARD_STATE_BYTES);
    for (const queued of this.#writing ?? []) bytes += queued.bytes;
    if (aligned(BATCH_HEADER_BYTES + bytes) > this.#active.capacity) {
      throw new Error(`a batch of ${bytes} bytes does not fit into a segment`);
    }
    this.#write(bytes, true);
    this.#tend();
  }

  #write(bytes: number, head: boolean): void {
    const writer = this.#writer;
    writer.begin(this.#active.seed, bytes);
    if (head) {
      for (const [replica, { compacted, hardState }] of this.#live.replicas()) {
        writer.position(TRIM, replica, compacted);
        writer.hardState(replica, hardState);
      }
    }
    for (const { replica, step, trim, remove } of this.#writing as readonly Queued[]) {
      if (step) {
        if (step.reset) writer.position(RESET, replica, step.reset);
        if (step.entries) writer.entries(replica, step.entries);
        if (step.hardState) writer.hardState(replica, step.hardState);
      } else if (trim) {
        writer.position(TRIM, replica, trim);
      } else if (remove) {
        writer.position(REMOVE, replica, { index: 0, term: 0 });
      }
    }
    const batch = writer.finish(this.#active.name.generation, this.#sequence);
    this.#active.file.write(this.#offset, batch).then(
      () => this.#written(batch.length),
      (error: unknown) => this.#die(error),
    );
  }

  #written(length: number): void {
    if (this.#state === 'dead') return;
    const written = this.#writing as readonly Queued[];
    this.#writing = undefined;
    this.#sequence++;
    this.#offset += length;
    for (const queued of written) this.#becameDurable(queued);
    // The disk need not wait for what the host does now.
    this.flush();
    for (const { done } of written) done?.();
    this.#tend();
    this.#tellIdle();
  }

  #becameDurable({ replica, step, trim, remove }: Queued): void {
    if (remove) {
      this.#live.remove(replica);
      return;
    }
    const live = this.#live.ensure(replica);
    if (trim) live.trim(trim);
    if (!step) return;
    if (step.reset) live.reset(step.reset);
    const first = step.entries?.[0];
    if (step.entries && first) {
      let bytes = 0;
      for (const entry of step.entries) bytes += ENTRY_HEADER_BYTES + entry.data.length;
      const last = first.index + step.entries.length - 1;
      live.append(this.#active.name.generation, first.index, last, bytes);
    }
    if (step.hardState) live.hardState = step.hardState;
  }

  /** Keeps one spare segment ready and lets go of the oldest ones, one change at a time, beside the writing. */
  #tend(): void {
    if (this.#tending || this.#state === 'dead') return;
    const work = this.#nextChange();
    if (!work) return;
    this.#tending = true;
    work().then(
      () => {
        this.#tending = false;
        if (this.#state === 'dead') return;
        if (this.#waitsForSegment && this.#spare) {
          this.#waitsForSegment = false;
          this.#switchSegment();
        }
        this.#tend();
        this.#tellIdle();
      },
      (error: unknown) => this.#die(error),
    );
  }

  #nextChange(): (() => Promise<void>) | undefined {
    const oldest = this.#segments[0] as SegmentName;
    // The segment after it holds its replicas' state once its first batch is durable.
    const replaced = this.#segments.length > 2 || (this.#segments.length === 2 && this.#offset > 0);
    if (replaced && !this.#live.holds(oldest.generation)) {
      this.#spareRefused = false;
      this.#segments.shift();
      return () => this.#letGo(oldest);
    }
    if (this.#spare || (this.#spareRefused && !this.#waitsForSegment)) return undefined;
    if (this.#state === 'closing' && !this.#waitsForSegment) return undefined;
    return () => this.#makeSpare();
  }

  async #letGo(name: SegmentName): Promise<void> {
    if (this.#spare) return this.#files.remove(name);
    const renamed = this.#newName();
    const segment = await this.#files.recycle(name, renamed);
    if (segment.capacity === this.#segmentBytes) {
      this.#spare = segment;
    } else {
      // The short first segment is not worth keeping.
      await segment.file.close();
      await this.#files.remove(renamed);
    }
  }

  async #makeSpare(): Promise<void> {
    const needed = () => this.#waitsForSegment || this.#state === 'open';
    try {
      this.#spare = await this.#files.create(this.#newName(), this.#segmentBytes, needed);
    } catch (error) {
      const full = error instanceof DiskError && error.code === 'full';
      if (!full || this.#waitsForSegment) throw error;
      this.#spareRefused = true;
    }
  }

  #newName(): SegmentName {
    return { generation: this.#nextGeneration++, salt: this.#options.random?.uint32() ?? 0 };
  }

  #die(error: unknown): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#queue = [];
    this.#tellIdle();
    this.#options.onFatal(
      error instanceof DiskError ? error : new DiskError('failed', String(error)),
    );
  }

  #tellIdle(): void {
    if (this.#whenIdle.length === 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
