import { type Buggify, DiskError, NEVER } from '../ports/index.ts';
import { BatchWriter } from './batch-writer.ts';
import { type Carried, carriedBytes, readCarried, stillLive } from './carry.ts';
import { EntryReader } from './entry-reader.ts';
import {
  aligned,
  BATCH_HEADER_BYTES,
  HARD_STATE_BYTES,
  RANGE_BYTES,
  RECORD_HEADER_BYTES,
  type SegmentName,
} from './format.ts';
import type { LiveIndex } from './live-index.ts';
import { type LogOptions, SEGMENT_BYTES } from './options.ts';
import { becameDurable, encode, type Queued, WrittenRecords } from './queued.ts';
import type { RecoveredLog } from './recovery.ts';
import type { SegmentSupply } from './segment-supply.ts';
import type { OpenSegment, SegmentFiles } from './segments.ts';
import { Tails } from './tails.ts';
import {
  type LogAppend,
  type LogDamage,
  LogDamagedError,
  type LogEntry,
  type LogHardState,
} from './types.ts';

const BATCH_BYTES_MAX = 4 * 1024 * 1024;
const SEGMENTS_MAX = 4;
/** At most this part of a segment is carried forward for another one to go: more would cost more than the room. */
const CARRY_DIVISOR = 16;
/**
 * Without a next segment this part of the last one is kept: half for votes, thousands, each a batch of 512 bytes, and half for
 * the first entries of new leaders.
 */
const RESERVE_DIVISOR = 4;

/** The segments that the log goes on in. */
export interface OpenSegments {
  /** Oldest first; the last one is `active`. */
  readonly segments: SegmentName[];
  readonly active: OpenSegment;
  readonly supply: SegmentSupply;
}

/**
 * The write-ahead log of a node. Everything queued at `flush` is one write; at most one is under way; when it completes its
 * `done`s run in order, and what was queued meanwhile is the next write.
 */
export class WriteAheadLog {
  readonly #options: LogOptions;
  readonly #segmentBytes: number;
  readonly #segmentsMax: number;
  readonly #batchBytesMax: number;
  readonly #buggify: Buggify;
  readonly #live: LiveIndex;
  readonly #reader: EntryReader;
  readonly #supply: SegmentSupply;
  readonly #tails = new Tails();
  readonly #writer = new BatchWriter();
  /** Oldest first; the last one is `#active`. */
  readonly #segments: SegmentName[];
  #active: OpenSegment;
  #offset: number;
  #sequence: number;
  #writtenBytes = 0;
  #queue: Queued[] = [];
  #queuedBytes = 0;
  #writing: readonly Queued[] | undefined;
  /** Read from the oldest segment, for the next batch. */
  #toCarry: readonly Carried[] | undefined;
  /** In the batch being written. */
  #carrying: readonly Carried[] = [];
  /** The batch being written, while the disk has no room even for what was laid out before. */
  #refused: Uint8Array | undefined;
  #waitsForSegment = false;
  #tending = false;
  #state: 'open' | 'closing' | 'dead' = 'open';
  #whenIdle: (() => void)[] = [];

  /** See `openLog`. */
  constructor(
    files: SegmentFiles,
    recovered: RecoveredLog,
    { segments, active, supply }: OpenSegments,
    options: LogOptions,
  ) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#segmentsMax = options.segmentsMax ?? SEGMENTS_MAX;
    this.#buggify = options.buggify ?? NEVER;
    this.#batchBytesMax = Math.min(
      options.batchBytesMax ?? BATCH_BYTES_MAX,
      this.#segmentBytes / 2,
    );
    this.#live = recovered.live;
    for (const [replica, { compacted, last }] of recovered.replicas) {
      this.#tails.set(replica, compacted.index, last);
    }
    this.#segments = segments;
    this.#active = active;
    this.#offset = recovered.end;
    this.#sequence = recovered.sequence;
    this.#supply = supply;
    const nameOf = (segment: number) =>
      this.#segments.find(({ generation }) => generation === segment) as SegmentName;
    this.#reader = new EntryReader(files, this.#live, nameOf);
    this.#leaveBehind(recovered.damage);
    this.#tend();
  }

  /** Bytes of records that wait for the next write. */
  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  /** Whether a write is under way. */
  get inFlight(): boolean {
    return this.#writing !== undefined;
  }

  /** Number of the next write that will be done: it stands still while one is under way. */
  get writes(): number {
    return this.#sequence;
  }

  /** By all writes that are done, in bytes. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** Length of a segment, but for the first one of a new node. */
  get segmentBytes(): number {
    return this.#segmentBytes;
  }

  /** Number of segments that hold the log, without the spare one. */
  get liveSegments(): number {
    return this.#segments.length;
  }

  /**
   * False while only the reserve is left, because the disk is full or slow: entries must be refused (L4), hard states can
   * still be written. True again, without a restart, once a segment was let go of or `tick` found room on the disk.
   */
  get hasRoom(): boolean {
    return this.#hasRoomFor(0, 1 / RESERVE_DIVISOR);
  }

  /** Whether the half of the reserve that is not for votes has so many bytes left. */
  hasReserveFor(bytes: number): boolean {
    return this.#hasRoomFor(bytes, 1 / (2 * RESERVE_DIVISOR));
  }

  /** The next segment is there, which takes a new log some seconds on a busy disk; or there is no room for it. */
  get isPrepared(): boolean {
    return this.#supply.hasSpare || this.#supply.isDiskFull;
  }

  /** Entries are refused until an old segment or the disk has room. */
  get isFull(): boolean {
    return this.#supply.isDiskFull && !this.hasRoom;
  }

  /** Beside a part of the last segment that is left. */
  #hasRoomFor(bytes: number, spared: number): boolean {
    if (this.#refused) return false;
    const { capacity } = this.#active;
    const left = capacity - this.#offset - this.#queuedBytes;
    return this.#supply.hasSpare || left - bytes > capacity * spared;
  }

  /** To be called a few times a second: a disk that was full may have room again. */
  tick(): void {
    if (this.#state !== 'open' || !this.#supply.isDiskFull) {
      this.#sendRefused();
      return;
    }
    this.#supply.look().then(
      (hasRoom) => {
        this.#sendRefused();
        if (hasRoom) this.#tend();
      },
      (error: unknown) => this.#die(error),
    );
  }

  /**
   * Queues one step of a replica's log; `done` is called once it is durable, never when the log died first. The entries'
   * data must not change until then.
   */
  append(replica: number, step: LogAppend, done: () => void): void {
    const bytes = this.#tails.append(replica, step);
    if (bytes > this.#segmentBytes / 2) {
      throw new RangeError(`replica ${replica}: ${bytes} bytes do not fit into a segment`);
    }
    this.#enqueue({ kind: 'step', replica, step, bytes, done });
  }

  /** Everything up to this place of the replica's log is not needed any more. Written with the next write. */
  trim(replica: number, index: number, term: number): void {
    if (!this.#tails.trim(replica, index)) return;
    const position = { index, term };
    this.#enqueue({ kind: 'trim', replica, position, bytes: RECORD_HEADER_BYTES });
  }

  /** Nothing of the replica is needed any more. Written with the next write. */
  remove(replica: number): void {
    if (!this.#tails.remove(replica)) return;
    this.#enqueue({ kind: 'remove', replica, bytes: RECORD_HEADER_BYTES });
  }

  /**
   * Durable entries of a replica, in order from index `from` on and before `to`: as many as one look at the disk brings, of
   * at most `bytesMax` bytes, but at least one. None when the log does not hold `from`, or not any more. What was replaced
   * meanwhile may be among them, so compare terms.
   *
   * Rejects with {@link LogDamagedError} when they fail their checksums.
   */
  read(replica: number, from: number, to: number, bytesMax: number): Promise<readonly LogEntry[]> {
    return this.#reader.read(replica, from, to, bytesMax);
  }

  /** What a replica needs of the log: its hard state and the records of its entries, in bytes. */
  liveBytes(replica: number): number {
    return HARD_STATE_BYTES + (this.#live.get(replica)?.bytes ?? 0);
  }

  /** A replica's durable term and vote. */
  durableHardState(replica: number): LogHardState | undefined {
    return this.#live.get(replica)?.hardState;
  }

  /** The term of a replica's durable entry; undefined where there is none, or none any more. */
  durableTermAt(replica: number, index: number): number | undefined {
    return this.#live.get(replica)?.termAt(index);
  }

  /** Starts to write what is queued, unless a write is under way: then it follows by itself. */
  flush(): void {
    const isDue = this.#queue.length > 0 || this.#toCarry !== undefined;
    if (this.#writing === undefined && isDue && this.#state !== 'dead') this.#startBatch();
  }

  /**
   * Above 0: the replica needs the oldest segment for entries up to this index, although there are more than `segmentsMax`
   * segments, or there is no room for another one: flush it, and trim it as far (L3). Entries that cannot be flushed are
   * carried forward by the log itself.
   */
  pinnedThrough(replica: number): number {
    const isTooMany = this.#segments.length > this.#segmentsMax;
    if (!isTooMany && (!this.isFull || this.#segments.length === 1)) return 0;
    return this.#live.get(replica)?.lastIn((this.#segments[0] as SegmentName).generation) ?? 0;
  }

  /** Writes what is queued and closes the files. On a full disk what does not fit is dropped: it was never durable. */
  async close(): Promise<void> {
    if (this.#state === 'open') this.#state = 'closing';
    this.flush();
    while (this.#state === 'closing' && !this.#isStuck && (this.#isBusy || this.#tending)) {
      await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
    }
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    await this.#active.file.close();
    await this.#supply.close();
  }

  get #isBusy(): boolean {
    return this.#writing !== undefined || this.#queue.length > 0;
  }

  get #isStuck(): boolean {
    const waits = this.#waitsForSegment && this.#supply.isDiskFull && !this.#tending;
    return waits || this.#refused !== undefined;
  }

  /** Damaged replicas begin anew: what stands before counts no more, so that the next start does not find it damaged. */
  #leaveBehind(damage: readonly LogDamage[]): void {
    if (damage.length === 0) return;
    const bytes = RECORD_HEADER_BYTES;
    const isAnybodys = damage.some(({ replicas }) => replicas === undefined);
    if (isAnybodys) this.#enqueue({ kind: 'void', replica: 0, bytes });
    for (const replica of new Set(damage.flatMap(({ replicas }) => replicas ?? []))) {
      this.#enqueue({ kind: 'remove', replica, bytes });
    }
    this.flush();
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
    // Nothing else is being written, so what is live now is what is live before this batch.
    this.#carrying = this.#toCarry ? stillLive(this.#live, this.#toCarry) : [];
    this.#toCarry = undefined;
    let bytes = 0;
    let count = 0;
    for (const queued of this.#queue) {
      const isFull = bytes + queued.bytes > this.#batchBytesMax;
      if (count > 0 && (isFull || this.#buggify('log: one step a batch'))) break;
      bytes += queued.bytes;
      count++;
    }
    if (count === 0 && this.#carrying.length === 0) return;
    this.#writing = count === this.#queue.length ? this.#queue : this.#queue.slice(0, count);
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count);
    this.#queuedBytes -= bytes;
    bytes += carriedBytes(this.#carrying);
    if (this.#offset + aligned(BATCH_HEADER_BYTES + bytes) <= this.#active.capacity) {
      this.#write(bytes, false);
    } else if (this.#supply.hasSpare) {
      this.#switchSegment();
    } else {
      this.#waitsForSegment = true;
      this.#tend();
    }
  }

  /** Goes on in the spare segment, whose first batch begins with the state of every replica. */
  #switchSegment(): void {
    const full = this.#active;
    this.#active = this.#supply.take();
    this.#offset = 0;
    this.#segments.push(this.#active.name);
    full.file.close().catch((error: unknown) => this.#die(error));
    let bytes = this.#live.size * (RANGE_BYTES + HARD_STATE_BYTES) + carriedBytes(this.#carrying);
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
      for (const [replica, { compacted, last, hardState }] of this.#live.replicas()) {
        writer.range(replica, compacted, last);
        writer.hardState(replica, hardState);
      }
    }
    for (const { replica, entries } of this.#carrying) writer.carry(replica, entries);
    for (const queued of this.#writing ?? []) encode(writer, queued);
    const { name, capacity } = this.#active;
    this.#send(writer.finish(name.generation, this.#sequence, capacity));
  }

  /**
   * A file that was filled before needs no room, except on file systems that never write in place. Where such a one is full
   * the same bytes are written again later: all of them at once, so that nothing is taken for durable that an earlier try
   * left in a cache. Any other failure is the end (L1).
   */
  #send(batch: Uint8Array): void {
    this.#active.file.write(this.#offset, batch).then(
      () => this.#written(batch.length),
      (error: unknown) => {
        if (!(error instanceof DiskError) || error.code !== 'full') return this.#die(error);
        this.#refused = batch;
        this.#tellIdle();
      },
    );
  }

  #sendRefused(): void {
    const batch = this.#refused;
    if (!batch || this.#state !== 'open') return;
    this.#refused = undefined;
    this.#send(batch);
  }

  #written(length: number): void {
    if (this.#state === 'dead') return;
    const written = this.#writing as readonly Queued[];
    const offset = this.#offset;
    this.#writing = undefined;
    this.#sequence++;
    this.#offset += length;
    this.#writtenBytes += length;
    const { placed } = this.#writer;
    const records = new WrittenRecords(placed, this.#active.name.generation, offset);
    for (const { replica, entries } of this.#carrying) {
      const live = this.#live.ensure(replica);
      records.forEach(entries, (first, count, term, place) =>
        live.carry(first, count, term, place),
      );
    }
    this.#carrying = [];
    for (const queued of written) becameDurable(this.#live, queued, records);
    // The disk need not wait for what the host does now.
    this.flush();
    for (const queued of written) if (queued.kind === 'step') queued.done();
    this.#tend();
    this.#tellIdle();
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
        if (this.#waitsForSegment && this.#supply.hasSpare) {
          this.#waitsForSegment = false;
          this.#switchSegment();
        }
        if (this.#toCarry) this.flush();
        this.#tend();
        this.#tellIdle();
      },
      (error: unknown) => this.#die(error),
    );
  }

  #nextChange(): (() => Promise<void>) | undefined {
    const oldest = this.#segments[0] as SegmentName;
    const { generation } = oldest;
    // The segment after it holds its replicas' state once its first batch is durable.
    const replaced = this.#segments.length > 2 || (this.#segments.length === 2 && this.#offset > 0);
    if (replaced && !this.#live.holds(generation) && !this.#reader.isReading(generation)) {
      this.#segments.shift();
      return () => this.#supply.letGo(oldest);
    }
    if (replaced && this.#shouldCarry(generation)) {
      return async () => {
        this.#toCarry = await readCarried(this.#reader, this.#live, generation);
      };
    }
    const { hasSpare, isDiskFull } = this.#supply;
    if (hasSpare || isDiskFull) return undefined;
    if (this.#state === 'closing' && !this.#waitsForSegment) return undefined;
    return () => this.#supply.make(() => this.#waitsForSegment || this.#state === 'open');
  }

  /** Whoever pins the oldest segment had the time of a whole one to be flushed, and what is left there is little. */
  #shouldCarry(oldest: number): boolean {
    if (this.#state !== 'open' || this.#toCarry || this.#carrying.length > 0) return false;
    if (this.#segments.length <= this.#segmentsMax + 1 && !this.isFull) return false;
    const bytes = this.#live.bytesIn(oldest);
    if (bytes === 0 || bytes > this.#segmentBytes / CARRY_DIVISOR) return false;
    return this.#supply.hasSpare || 2 * bytes < this.#active.capacity - this.#offset;
  }

  #die(error: unknown): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.#queue = [];
    this.#tellIdle();
    this.#options.onFatal(error instanceof Error ? error : new DiskError('failed', String(error)));
  }

  #tellIdle(): void {
    if (this.#whenIdle.length === 0) return;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
