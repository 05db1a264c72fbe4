/**
 * Costs of remembering clients' retries (S1), in processor time of this process: `npx tsx bench/retries.ts`. The load is 20 000
 * writes a second of one group for longer than the window, all of session time, so that generations come and go.
 */
import { PerformanceObserver } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { mix128, state128 } from '../src/bytes/index.ts';
import { Memtable } from '../src/engine/index.ts';
import { Retries } from '../src/store/retries.ts';

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

const before = process.memoryUsage();
const retries = new Retries();
const state = new Memtable(1);
const reader = {
  get: (key: Uint8Array) => state.get(key) ?? undefined,
  range: () => {
    throw new Error('not asked for');
  },
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
      retries.forget(time);
      if (retries.find(token)) throw new Error('never seen');
      retries.remember(time, token, PLACE, OUTCOME);
    }
    const took = processor() - began;
    worked += took;
    longest = Math.max(longest, took);
  }
  if (second % FLUSH_SECONDS === FLUSH_SECONDS - 1) {
    const began = processor();
    for (const { key, value } of retries.cacheWrites(reader)) {
      state.put(key, value);
      flushed += value?.length ?? 0;
    }
    flushing = Math.max(flushing, processor() - began);
  }
  await wait(0);
}
const all = WRITES_PER_SECOND * SECONDS;
report('a write: looked up, not found, remembered', (1000 * worked) / all, 'µs');
report('longest time of 1000 such', longest, 'ms');
report('answers that are remembered at 20 000 writes a second', retries.count / 1e6, 'million');
report('counted for them against the bound', retries.bytes / 2 ** 20, 'MiB');
const after = process.memoryUsage();
const outside = after.arrayBuffers - before.arrayBuffers - state.bytes;
report('in memory outside the heap', outside / 2 ** 20, 'MiB');
report('longest collection by the garbage collector', Math.max(0, ...collections), 'ms');
const kept: Uint8Array[] = [];
let number = 0;
for (const { token } of retries.entries()) if (number++ % 20 === 0) kept.push(token.slice());
report(`longest flush of ${FLUSH_SECONDS} seconds' answers`, flushing, 'ms');
report('flushed a write', flushed / all, 'bytes');
const began = processor();
for (const token of kept) if (!retries.find(token)) throw new Error('lost');
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
