/**
 * How every thread opens the environment. Pages have 8 KiB, so that keys may be as long as E5 needs. A commit is on disk
 * when it returns (`overlappingSync: false`: lmdb-js otherwise tells earlier), and nothing is opened in a mode in which a
 * power cut can corrupt the file (E2).
 *
 * Of the pages that are free, a commit of lmdb-js looks through all that are loaded, however few it needs, in a time that grows faster
 * than their number: after large deletions with the 50,000 that are usual for tenths of a second each. With 1,000 the file grows as long as there are
 * values of several pages, which do not find their places among so few.
 *
 * Nothing is read ahead. Keys are in the order of hashes, so whatever lies beside a page has nothing to do with it; where the file is
 * larger than the memory, each read would push out of it what others need. `bench/larger-than-memory.ts` prints what that costs.
 */
export const ENVIRONMENT = {
  pageSize: 8192,
  encoding: 'binary',
  keyEncoding: 'binary',
  overlappingSync: false,
  noReadAhead: true,
  maxReaders: 1024,
  maxFreeSpaceToLoad: 5_000,
  maxFreeSpaceToRetain: 7_500,
} as const;

/** What was committed: each value is followed by the checksum of the record. */
export const RECORDS = { name: 'records', encoding: 'binary', keyEncoding: 'binary' } as const;
/** Number and sum of the checksums of all records whose keys begin alike: see scrub in writer-thread.ts. */
export const DIGESTS = { name: 'digests', encoding: 'binary', keyEncoding: 'binary' } as const;

export const CHECKSUM_BYTES = 4;
