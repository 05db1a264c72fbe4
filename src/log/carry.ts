import type { EntryReader } from './entry-reader.ts';
import { ENTRY_HEADER_BYTES, RECORD_HEADER_BYTES } from './format.ts';
import type { LiveIndex } from './live-index.ts';
import type { LogEntry } from './types.ts';

/** What still counts of one record, to be written again in a newer segment (L3). */
export interface Carried {
  readonly replica: number;
  /** Where the record stands. */
  readonly segment: number;
  readonly offset: number;
  /** Of one term. */
  readonly entries: readonly LogEntry[];
}

/** Everything in the segment that is still needed. */
export async function readCarried(
  reader: EntryReader,
  live: LiveIndex,
  segment: number,
): Promise<Carried[]> {
  const places = live.pinning(segment).flatMap((replica) => placesOf(live, replica, segment));
  const carried: Carried[] = [];
  for (const { replica, offset, first, last } of places) {
    const entries = await reader.read(replica, first, last + 1, Number.POSITIVE_INFINITY);
    carried.push({ replica, segment, offset, entries });
  }
  return carried;
}

function placesOf(live: LiveIndex, replica: number, segment: number) {
  const places = [];
  const records = live.get(replica)?.records;
  for (let row = 0; records && row < records.size; row++) {
    if (records.segment(row) !== segment) continue;
    const [first, last] = [records.first(row), records.last(row)];
    places.push({ replica, offset: records.offset(row), first, last });
  }
  return places;
}

/** Without what was trimmed or replaced since it was read. */
export function stillLive(live: LiveIndex, carried: readonly Carried[]): Carried[] {
  return carried.flatMap(({ replica, segment, offset, entries }) => {
    const records = live.get(replica)?.records;
    const last = entries.at(-1);
    if (!records || !last) return [];
    for (let row = 0; row < records.size; row++) {
      if (records.segment(row) !== segment || records.offset(row) !== offset) continue;
      const [from, to] = [records.first(row), records.last(row)];
      const live = entries.filter(({ index }) => index >= from && index <= to);
      return live.length > 0 ? [{ replica, segment, offset, entries: live }] : [];
    }
    return [];
  });
}

export function carriedBytes(carried: readonly Carried[]): number {
  let bytes = 0;
  for (const { entries } of carried) {
    bytes += RECORD_HEADER_BYTES;
    for (const { data } of entries) bytes += ENTRY_HEADER_BYTES + data.length;
  }
  return bytes;
}
