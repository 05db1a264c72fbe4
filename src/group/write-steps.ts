import type { LogAppend } from '../log/index.ts';
import { type Entry, entryBytes, type Ready } from '../raft/index.ts';

/** More in one step would make others wait. */
const STEP_BYTES_MAX = 1024 * 1024;
/** A step of the log takes half of a segment at most, what it has besides entries included. */
const STEP_DIVISOR = 4;

/**
 * What a ready has to make durable, as steps of the log: nearly always one. Steps become durable in order, and a crash may
 * leave only the first ones. So the first has the term and vote that all entries need, with no higher a commit index than
 * its own entries justify; a commit index may lag.
 */
export function writeSteps(
  { hardState, logReset, entries }: Ready,
  segmentBytes: number,
): LogAppend[] {
  const parts = split(entries, Math.min(STEP_BYTES_MAX, segmentBytes / STEP_DIVISOR));
  if (parts.length <= 1) return [{ reset: logReset, entries, hardState }];
  return parts.map((part, i) => {
    if (i > 0) return { entries: part };
    const last = (part.at(-1) as Entry).index;
    const lagging = hardState && { ...hardState, commit: Math.min(hardState.commit, last) };
    return { reset: logReset, entries: part, hardState: lagging };
  });
}

function split(entries: readonly Entry[], bytesMax: number): (readonly Entry[])[] {
  const parts: (readonly Entry[])[] = [];
  let start = 0;
  let bytes = 0;
  for (let i = 0; i < entries.length; i++) {
    const size = entryBytes(entries[i] as Entry);
    if (i > start && bytes + size > bytesMax) {
      parts.push(entries.slice(start, i));
      start = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (start === 0) return [entries];
  parts.push(entries.slice(start));
  return parts;
}
