import type { Table } from '../../controller/index.ts';
import { hashBound, tableEnd } from '../../item/index.ts';
import { validationError } from '../errors.ts';
import type { KeyRange } from './key-conditions.ts';

const HASHES = 1n << 64n;

/** Throws ValidationException unless both or neither are given and the segment is one of them. */
export function checkSegment(segment: number | undefined, totalSegments: number | undefined): void {
  if (segment !== undefined && totalSegments === undefined) {
    throw validationError(
      'The TotalSegments parameter is required but was not present in the request when Segment parameter is present',
    );
  }
  if (segment === undefined && totalSegments !== undefined) {
    throw validationError(
      'The Segment parameter is required but was not present in the request when parameter TotalSegments is present',
    );
  }
  if (segment !== undefined && totalSegments !== undefined && segment >= totalSegments) {
    throw validationError(
      'The Segment parameter is zero-based and must be less than parameter TotalSegments: ' +
        `Segment: ${segment} is not less than TotalSegments: ${totalSegments}`,
    );
  }
}

/** The segment's share of all hashes: segments are disjoint, together complete, and the same whatever shard is where. */
export function segmentRange(table: Table, segment: number, totalSegments: number): KeyRange {
  return {
    from: bound(table, segment, totalSegments),
    to:
      segment + 1 === totalSegments ? tableEnd(table.id) : bound(table, segment + 1, totalSegments),
  };
}

function bound(table: Table, segment: number, totalSegments: number): Uint8Array {
  const hash = (HASHES * BigInt(segment)) / BigInt(totalSegments);
  return hashBound(table.id, { high: Number(hash >> 32n), low: Number(hash & 0xffff_ffffn) });
}
