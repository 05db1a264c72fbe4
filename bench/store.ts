/**
 * Costs of the state machine in processor time of this process: `npx tsx bench/store.ts`. First writes as they are applied and
 * their parts, then what is remembered of clients' requests (S1): 20 000 writes a second of one group for longer than the
 * window, all of session time, so that generations come and go.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { mix128, state128 } from '../src/bytes/index.ts';
import { MemoryEngine, Memtable, openReplicaStates, type Write } from '../src/engine/index.ts';
import {
  encodeKeyValue,
  encodeStoredItem,
  makeItemKey,
  type StorageKeyParts,
  splitStorageKey,
  storageKey,
} from '../src/item/index.ts';
import { countIn, countOut, itemHash, noContents } from '../src/store/contents.ts';
import { DataMachine, encodeCommand } from '../src/store/index.ts';
import { Retries } from '../src/store/retries.ts';
import { encodeStoredValue } from '../src/store/stored-value.ts';

const WRITES_PER_SECOND = 20_000;
const SECONDS = 120;
const FLUSH_SECONDS = 5;
const PLACE = { table: 7, hash: { high: 1, low: 2 } };
/** As a PutItem without ReturnValues has it. */
const OUTCOME = crypto.getRandomValues(new Uint8Array(7));

/** Processor time of all threads so far, in milliseconds: other programs' load is not in it. */
function processor(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const collections: number[] = [];
const collector = new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) collections.push(duration);
});
collector.observe({ entryTypes: ['gc'] });

function report(what: string, value: number, unit: string): void {
  console.log(`${what.padEnd(58)} ${value.toFixed(2).padStart(9)} ${unit}`);
}

function tokens(count: number): Uint8Array {
  const bytes = new Uint8Array(16 * count);
  for (let at = 0; at < bytes.length; at += 65_536) {
    crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  }
  return bytes;
}

/** PutItems of 256 bytes over old values, as a log brings them. */
async function applies(): Promise<void> {
  const [keys, rounds] = [20_000, 4];
  const state = await openReplicaStates(new MemoryEngine()).open(1);
  const machine = new DataMachine();
  const range = { hashStart: '0000000000000000', hashEnd: '' };
  const install = {
    kind: 'install-shard',
    shard: 1,
    table: 1,
    epoch: 1,
    config: 1,
    ...range,
  } as const;
  const { writes } = machine.apply(encodeCommand(install), state);
  state.apply(1, 1, writes);
  const text = (value: string) => ({ type: 'S', value }) as const;
  const values: { readonly key: StorageKeyParts; readonly value: Uint8Array }[] = [];
  for (let round = 0; round < rounds; round++) {
    const batch = tokens(keys);
    const entries = Array.from({ length: keys }, (_, i) => {
      const pk = text(`key ${i}`);
      const stored = encodeStoredItem(
        new Map([
          ['pk', pk],
          ['v', text('x'.repeat(256))],
        ]),
      );
      const key = storageKey(1, makeItemKey(encodeKeyValue(pk)));
      if (round === 0)
        values.push({ key: splitStorageKey(key), value: encodeStoredValue(stored, i) });
      const sequence = round * keys + i + 1;
      return encodeCommand({
        kind: 'write',
        router: 7,
        sequence,
        lowestUnanswered: sequence,
        deadline: 1_000,
        shard: 1,
        epoch: 1,
        retry: batch.subarray(16 * i, 16 * i + 16),
        key,
        operation: {
          kind: 'put',
          item: stored,
          condition: undefined,
          returnItemOnConditionFailure: false,
          returnValues: 'NONE',
        },
      });
    });
    const began = processor();
    for (const entry of entries) {
      const { writes } = machine.apply(entry, state);
      state.apply(state.appliedIndex + 1, 1, writes);
    }
    report(
      `PutItem applied, ${round === 0 ? 'new' : 'old'} key`,
      (1000 * (processor() - began)) / keys,
      'µs',
    );
  }
  // Few, so that they are as near to the processor as what has just been read and written.
  const few = values.slice(0, 200);
  const digest = noContents();
  const hashing = processor();
  for (let n = 0; n < 5_000; n++) {
    for (const { key, value } of few) {
      const hash = itemHash(key.hash, key.sort);
      countOut(digest, hash, value);
      countIn(digest, hash, value);
    }
  }
  report("  of it the shard's digest", (processor() - hashing) / 1_000, 'µs');
  const began = processor();
  for (let n = 0; n < 10_000; n++) machine.digest();
  report('digest of a machine with one shard', (processor() - began) / 10, 'µs');
}
await applies();

const retries = new Retries();
const state = new Memtable(1);
const reader = {
  get: (key: Uint8Array) => state.get(key) ?? undefined,
  range: () => {
    throw new Error('not asked for');
  },
};
const keep = (writes: readonly Write[]) => {
  for (const { key, value } of writes) {
    state.put(key, value);
    flushed += value?.length ?? 0;
  }
};
let worked = 0;
let longest = 0;
let flushing = 0;
let flushed = 0;
for (let second = 0; second < SECONDS; second++) {
  const batch = tokens(WRITES_PER_SECOND);
  for (let part = 0; part < 20; part++) {
    const time = 1000 * second + 50 * part;
    const began = processor();
    for (let i = part * 1000; i < (part + 1) * 1000; i++) {
      const token = batch.subarray(16 * i, 16 * i + 16);
      const writes: Write[] = [];
      retries.forget(time, writes);
      if (retries.find(token, reader)) throw new Error('never seen');
      retries.remember(time, { token, ...PLACE, outcome: OUTCOME }, writes);
      keep(writes);
    }
    const took = processor() - began;
    worked += took;
    longest = Math.max(longest, took);
  }
  if (second % FLUSH_SECONDS === FLUSH_SECONDS - 1) {
    const began = processor();
    keep(retries.cacheWrites(reader));
    flushing = Math.max(flushing, processor() - began);
  }
  await wait(0);
}
const all = WRITES_PER_SECOND * SECONDS;
report('a write: looked up, not found, remembered', (1000 * worked) / all, 'µs');
report('longest time of 1000 such', longest, 'ms');
report('answers that are remembered at 20 000 writes a second', retries.count / 1e6, 'million');
report('counted for them against the bound', retries.bytes / 2 ** 20, 'MiB');
report('longest collection by the garbage collector', Math.max(0, ...collections), 'ms');
const kept: Uint8Array[] = [];
let number = 0;
for (const { entry } of retries.entries(reader)) {
  if (number++ % 20 === 0) kept.push(entry.token.slice());
}
report('longest completion of the state before a flush', flushing, 'ms');
report('written into the state by a write', flushed / all, 'bytes');
const began = processor();
for (const token of kept) if (!retries.find(token, reader)) throw new Error('lost');
report('a repeated write: found', (1000 * (processor() - began)) / kept.length, 'µs');
const restoring = processor();
const restored = new Retries();
restored.restore(reader);
report('restored after a restart', processor() - restoring, 'ms');
if (restored.count !== retries.count) throw new Error(`${restored.count} of ${retries.count}`);

const request = crypto.getRandomValues(new Uint8Array(420));
const hashing = processor();
for (let i = 0; i < 200_000; i++) mix128(state128(), request);
report('hash of a request of 420 bytes', (1000 * (processor() - hashing)) / 200_000, 'µs');
