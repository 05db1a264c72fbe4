/**
 * How every thread opens the environment. Pages have 8 KiB, so that keys may be as long as E5 needs. A commit is on disk
 * when it returns (`overlappingSync: false`: lmdb-js otherwise tells earlier), and nothing is opened in a mode in which a
 * power cut can corrupt the file (E2).
 */
export const LMDB_OPTIONS = {
  pageSize: 8192,
  encoding: 'binary',
  keyEncoding: 'binary',
  overlappingSync: false,
  maxReaders: 1024,
} as const;
