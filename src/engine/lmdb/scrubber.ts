import type { checksum } from './checksum.ts';
import type { ThreadDatabase } from './writer-thread.ts';

/*
 * LMDB has no checksums. Each record has one of its key and value, which is checked when it is read; but a damaged page of
 * the tree, or an old version of a page that the disk brought back, can also make records vanish. So the records whose keys
 * begin with the same ten bytes (space u32, kind u8, table u32, first byte of the hash) have a digest: how many they are, and
 * the sum of their checksums. It changes in the transaction that changes them, and the scrub walks over all of it now and
 * then and compares.
 *
 *     key: up to ten bytes     number, f64 · sum of the checksums modulo 2^48, f64 · checksum of this record, u32
 */
export interface ScrubberOptions {
  readonly records: ThreadDatabase;
  readonly digests: ThreadDatabase;
  readonly checksumOf: typeof checksum;
  readonly checksumBytes: number;
  readonly onDamage: (key: Uint8Array, reason: string) => void;
  /** A pass is over, and so many records are there. */
  readonly onPass: (records: number) => void;
}

export interface Scrubber {
  /** In a transaction, in the order of the keys: a record's checksum was one and is another now. */
  count(key: Uint8Array, old: number | undefined, now: number | undefined): void;
  /** At the end of the transaction. */
  flush(): void;
  /** The transaction was aborted. */
  forget(): void;
  start(): void;
  stop(): void;
}

/** Runs in the writer thread, so it may name nothing of this module. */
export function startScrubber(options: ScrubberOptions): Scrubber {
  const { records, digests, checksumOf, checksumBytes, onDamage, onPass } = options;
  const PREFIX_BYTES = 10;
  const MODULUS = 2 ** 48;
  const DIGEST_BYTES = 20;
  const SLICE_MS = 4;
  // The first pass, after the start, may take a quarter of a processor; later ones take less than a hundredth, and begin an
  // hour after the one before.
  const FIRST_PAUSE_MS = 12;
  const PAUSE_MS = 500;
  const PASS_MS = 60 * 60 * 1000;

  const prefixOf = (key: Uint8Array) => key.subarray(0, PREFIX_BYTES);
  const startsWith = (key: Uint8Array, prefix: Uint8Array) => {
    if (prefixLengthOf(key) !== prefix.length) return false;
    for (let i = prefix.length - 1; i >= 0; i--) if (key[i] !== prefix[i]) return false;
    return true;
  };
  const prefixLengthOf = (key: Uint8Array) => Math.min(PREFIX_BYTES, key.length);
  /** The smallest key above all that have this prefix; undefined when there is none. */
  const after = (prefix: Uint8Array): Uint8Array | undefined => {
    if (prefix.length < PREFIX_BYTES) return Uint8Array.of(...prefix, 0);
    const next = Uint8Array.from(prefix);
    for (let i = PREFIX_BYTES - 1; i >= 0; i--) {
      next[i] = ((next[i] as number) + 1) & 0xff;
      if (next[i] !== 0) return next;
    }
    return undefined;
  };

  const checksumOfRecord = (key: Uint8Array, value: Uint8Array, length: number) =>
    checksumOf(checksumOf(0, key, 0, key.length), value, 0, length);

  /** Undefined when it is damaged. */
  const readDigest = (prefix: Uint8Array): { count: number; sum: number } | undefined => {
    const bytes = digests.getBinaryFast(prefix);
    if (!bytes) return { count: 0, sum: 0 };
    if (bytes.length !== DIGEST_BYTES) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    if (view.getUint32(16) !== checksumOfRecord(prefix, bytes, 16)) return undefined;
    return { count: view.getFloat64(0), sum: view.getFloat64(8) };
  };

  // The digest that is being changed.
  let prefix: Uint8Array | undefined;
  let count = 0;
  let sum = 0;

  const flush = () => {
    if (!prefix) return;
    if (count === 0 && sum === 0) {
      digests.remove(prefix);
    } else {
      const bytes = new Uint8Array(DIGEST_BYTES);
      const view = new DataView(bytes.buffer);
      view.setFloat64(0, count);
      view.setFloat64(8, sum);
      view.setUint32(16, checksumOfRecord(prefix, bytes, 16));
      digests.put(prefix, bytes);
    }
    prefix = undefined;
  };

  // Where the pass goes on; undefined: at the beginning.
  let position: Uint8Array | undefined;
  let seen = 0;
  let passBegan = 0;
  let passes = 0;
  let timer: NodeJS.Timeout | undefined;

  const firstKey = (database: ThreadDatabase): Uint8Array | undefined => {
    for (const key of database.getKeys({ start: position ?? Uint8Array.of(0), limit: 1 })) {
      return Uint8Array.from(key);
    }
    return undefined;
  };

  /** Checks the records of the next prefix. Returns false at the end of the pass. */
  const checkNext = (): boolean => {
    const record = firstKey(records);
    const digest = firstKey(digests);
    if (!record && !digest) return false;
    const recordFirst = record && (!digest || Buffer.compare(prefixOf(record), digest) < 0);
    const current = recordFirst ? prefixOf(record) : (digest as Uint8Array);
    const end = after(current);
    position = end;
    const expected = readDigest(current);
    let found = 0;
    let total = 0;
    for (const key of records.getKeys({ start: current, ...(end && { end }) })) {
      // Looked up by itself: a damaged branch of the tree leads searches astray, but not a walk from leaf to leaf.
      const value = records.getBinaryFast(key);
      const length = (value?.length ?? 0) - checksumBytes;
      let stored = 0;
      if (!value) {
        onDamage(key, 'the tree does not lead to this record');
      } else if (length < 0) {
        onDamage(key, `a record of ${value.length} bytes`);
      } else {
        stored = new DataView(value.buffer, value.byteOffset).getUint32(length);
        if (stored !== checksumOfRecord(key, value, length)) {
          onDamage(key, `a record of ${value.length} bytes fails its checksum`);
        }
      }
      found++;
      total = (total + stored) % MODULUS;
    }
    seen += found;
    if (!expected) {
      onDamage(current, 'the digest of these records fails its checksum');
    } else if (expected.count !== found) {
      onDamage(current, `${found} of ${expected.count} records are there`);
    } else if (expected.sum !== total) {
      onDamage(current, `the ${found} records are not those that were written`);
    }
    return end !== undefined;
  };

  const slice = () => {
    const began = performance.now();
    let more = true;
    try {
      do more = checkNext();
      while (more && performance.now() - began < SLICE_MS);
    } catch (error) {
      // The tree itself cannot be read, so neither can what follows.
      onDamage(position ?? new Uint8Array(0), String(error));
      more = false;
    }
    let pause = passes === 0 ? FIRST_PAUSE_MS : PAUSE_MS;
    if (!more) {
      onPass(seen);
      seen = 0;
      passes++;
      position = undefined;
      pause = Math.max(PAUSE_MS, passBegan + PASS_MS - performance.now());
      passBegan = performance.now() + pause;
    }
    timer = setTimeout(slice, pause);
  };

  return {
    count: (key, old, now) => {
      if (!prefix || !startsWith(key, prefix)) {
        flush();
        prefix = Uint8Array.from(prefixOf(key));
        const digest = readDigest(prefix);
        if (!digest) onDamage(prefix, 'the digest of these records fails its checksum');
        count = digest?.count ?? 0;
        sum = digest?.sum ?? 0;
      }
      if (old !== undefined) {
        count--;
        sum = (sum - old + MODULUS) % MODULUS;
      }
      if (now !== undefined) {
        count++;
        sum = (sum + now) % MODULUS;
      }
    },
    flush,
    forget: () => {
      prefix = undefined;
    },
    start: () => {
      passBegan = performance.now();
      timer ??= setTimeout(slice, 0);
    },
    stop: () => clearTimeout(timer),
  };
}
