import { Chunk } from './chunk.ts';
import { CARRY, ENTRIES, type SegmentName, segmentSeed } from './format.ts';
import type { LiveIndex, LiveReplica } from './live-index.ts';
import type { SegmentFiles } from './segments.ts';
import { LogDamagedError, type LogEntry } from './types.ts';

/** Some records that stand near each other in one segment. */
interface Span {
  readonly segment: number;
  readonly start: number;
  readonly end: number;
  /** Entries of the record at `offset` count up to `last`. */
  readonly records: readonly { readonly offset: number; readonly last: number }[];
}

/** What is read at once nearly always fits into so much, which is used again: it is garbage as soon as the entries are copied. */
const MEMORY_BYTES = 256 * 1024;

/** Reads entries back from the disk. Segments that are being read are not used again meanwhile. */
export class EntryReader {
  readonly #files: SegmentFiles;
  readonly #live: LiveIndex;
  readonly #nameOf: (segment: number) => SegmentName;
  readonly #reading = new Map<number, number>();
  /** While nobody reads to it. */
  #memory: Uint8Array | undefined;

  constructor(files: SegmentFiles, live: LiveIndex, nameOf: (segment: number) => SegmentName) {
    this.#files = files;
    this.#live = live;
    this.#nameOf = nameOf;
  }

  isReading(segment: number): boolean {
    return this.#reading.has(segment);
  }

  /** See `WriteAheadLog.read`. */
  async read(replica: number, from: number, to: number, bytesMax: number): Promise<LogEntry[]> {
    const live = this.#live.get(replica);
    if (!live || from <= live.compacted.index || from > live.last || from >= to) return [];
    const span = spanFrom(live, from, to, bytesMax);
    const name = this.#nameOf(span.segment);
    const memory = span.end - span.start > MEMORY_BYTES ? undefined : this.#takeMemory();
    const chunk = await this.#readSpan(name, span, memory);
    // Nobody can read to it before the entries are copied, in this turn.
    this.#memory ??= memory;
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (const { offset, last } of span.records) {
      const record = chunk.record(offset, span.end);
      const isIt =
        record?.replica === replica && (record.kind === ENTRIES || record.kind === CARRY);
      if (!record || !isIt || !chunk.payloadHolds(record)) {
        throw new LogDamagedError({
          file: this.#files.path(name),
          offset,
          reason: `a record of replica ${replica} cannot be read any more`,
          replicas: [replica],
        });
      }
      for (const entry of chunk.entries(record, from + entries.length, Math.min(to, last + 1))) {
        bytes += entry.data.length;
        if (bytes > bytesMax && entries.length > 0) return entries;
        entries.push(entry);
      }
    }
    return entries;
  }

  #takeMemory(): Uint8Array {
    const memory = this.#memory ?? new Uint8Array(MEMORY_BYTES);
    this.#memory = undefined;
    return memory;
  }

  async #readSpan(
    name: SegmentName,
    { segment, start, end }: Span,
    memory: Uint8Array | undefined,
  ): Promise<Chunk> {
    this.#reading.set(segment, (this.#reading.get(segment) ?? 0) + 1);
    try {
      const file = await this.#files.disk.open(this.#files.path(name));
      try {
        return new Chunk(await file.read(start, end - start, memory), start, segmentSeed(name));
      } finally {
        await file.close();
      }
    } finally {
      const others = (this.#reading.get(segment) as number) - 1;
      if (others === 0) this.#reading.delete(segment);
      else this.#reading.set(segment, others);
    }
  }
}

/** The record of `from`, and those after it that one read of about `bytesMax` brings too. */
function spanFrom(live: LiveReplica, from: number, to: number, bytesMax: number): Span {
  const { records } = live;
  let row = records.locate(from);
  const segment = records.segment(row);
  const start = records.offset(row);
  let end = start + records.length(row);
  const span = [{ offset: start, last: records.last(row) }];
  for (row++; row < records.size && records.first(row) < to; row++) {
    const offset = records.offset(row);
    // What other replicas wrote in between is read along: better than a read for every record.
    if (records.segment(row) !== segment || offset < end) break;
    if (offset + records.length(row) - start > bytesMax) break;
    span.push({ offset, last: records.last(row) });
    end = offset + records.length(row);
  }
  return { segment, start, end, records: span };
}
