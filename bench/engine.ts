/**
 * Costs of the log and the engine, in microseconds of this process: `npx tsx bench/engine.ts`; with `--million`, what a
 * node's worth of items needs. Files go to the system's directory for temporary files, so its disk is what is measured.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { open } from 'lmdb';
import { compareBytes } from '../src/bytes/index.ts';
import { Memtable, openReplicaStates, type ReplicaState } from '../src/engine/index.ts';
import { openLmdb } from '../src/engine/lmdb/index.ts';
import { type LogEntry, openLog } from '../src/log/index.ts';
import { nodeDisk } from '../src/platform/index.ts';

const ITEMS = 100_000;
const VALUE_BYTES = 260;

const directory = await mkdtemp(join(tmpdir(), 'flotilla-bench-'));
try {
  if (process.argv.includes('--million')) {
    await million();
  } else {
    memtable();
    await flushes();
    await log();
    await logRecovery();
  }
} finally {
  await rm(directory, { recursive: true });
}

/** As item keys are: a kind, a table, a hash, the key. */
function randomKeys(count: number): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const key = new Uint8Array(30);
    key.set([1, 0, 0, 0, 7]);
    crypto.getRandomValues(key.subarray(5));
    return key;
  });
}

function report(what: string, milliseconds: number, count: number): void {
  console.log(`${what.padEnd(58)} ${((1000 * milliseconds) / count).toFixed(2).padStart(8)} µs`);
}

function timed(what: string, count: number, work: () => void): void {
  const began = performance.now();
  work();
  report(what, performance.now() - began, count);
}

function memtable(): void {
  const keys = randomKeys(ITEMS);
  const value = crypto.getRandomValues(new Uint8Array(VALUE_BYTES));
  // The first round warms up.
  for (const round of ['cold', 'warm']) {
    const table = new Memtable(1);
    timed(`memtable, ${round}: put of a new key`, ITEMS, () => {
      for (const key of keys) table.put(key, value);
    });
    timed(`memtable, ${round}: put over an old value`, ITEMS, () => {
      for (const key of keys) table.put(key, value);
    });
    timed(`memtable, ${round}: get`, ITEMS, () => {
      for (const key of keys) table.get(key);
    });
    timed(`memtable, ${round}: range of 20, a put before each`, ITEMS / 20, () => {
      for (let i = 0; i < ITEMS / 20; i++) {
        table.put((keys[i] as Uint8Array).slice(1), value);
        const cursor = table.cursor(keys[i], undefined, false);
        for (let n = 0; n < 20; n++) cursor.advance();
      }
    });
  }
}

/** A flush as the engine does it, and the two other ways that lmdb-js has: what each costs and how long the loop stands still. */
async function flushes(): Promise<void> {
  const engine = await openLmdb(join(directory, 'engine'));
  const state = await openReplicaStates(engine).open(1);
  const value = crypto.getRandomValues(new Uint8Array(VALUE_BYTES));
  let index = 0;
  // Some of the keys: all of them would be the collector's work, not the engine's.
  const keys: Uint8Array[] = [];
  for (let round = 1; round <= 4; round++) {
    for (let i = 0; i < ITEMS; i++) {
      const [key] = randomKeys(1) as [Uint8Array];
      state.apply(++index, 1, [{ key, value }]);
      if (i % 40 === 0) keys.push(key);
    }
    await watched(`flush ${round} of ${ITEMS} new keys, writer thread`, () => state.flush());
  }
  timed(`get from the engine, ${4 * ITEMS} keys`, keys.length, () => {
    for (const key of keys) state.get(key);
  });
  timed('range of 20', keys.length, () => {
    for (const from of keys) {
      const cursor = state.range({ from, to: Uint8Array.of(2) });
      for (let n = 0; n < 20; n++) cursor.next();
      cursor.close();
    }
  });
  await engine.close();

  const plain = open<Uint8Array, Uint8Array>({
    path: join(directory, 'plain'),
    pageSize: 8192,
    encoding: 'binary',
    keyEncoding: 'binary',
    overlappingSync: false,
  });
  for (let round = 1; round <= 4; round++) {
    const sorted = () => randomKeys(ITEMS).sort(compareBytes);
    const batch = sorted();
    await watched(`flush ${round} of ${ITEMS} new keys, one batch()`, () =>
      plain.batch(() => {
        for (const key of batch) plain.put(key, value);
      }),
    );
    const sliced = sorted();
    await watched(`flush ${round} of ${ITEMS} new keys, a yielding transaction()`, () =>
      plain.transaction(async () => {
        for (let i = 0; i < sliced.length; i++) {
          plain.put(sliced[i] as Uint8Array, value);
          if (i % 500 === 499) await new Promise((resolve) => setImmediate(resolve));
        }
      }),
    );
  }
  await plain.close();
}

/**
 * What `work` costs an item, on this thread and on all, and how long turns of the loop take meanwhile. On Linux without the
 * time in which a thread only waits for a processor, which is the machine's load and not the work's.
 */
async function watched(what: string, work: () => Promise<unknown>): Promise<void> {
  const turns: number[] = [];
  let working = true;
  let last = performance.now();
  let before = mainThread();
  const look = () => {
    const now = performance.now();
    const { waited } = mainThread();
    turns.push(now - last - (waited - before.waited));
    last = now;
    before = { ...before, waited };
    if (working) setTimeout(look, 1);
  };
  setTimeout(look, 1);
  let collecting = 0;
  const collector = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) collecting = Math.max(collecting, duration);
  });
  collector.observe({ entryTypes: ['gc'] });
  const cpu = process.cpuUsage();
  const { worked } = mainThread();
  const began = performance.now();
  await work();
  const took = performance.now() - began;
  working = false;
  const { user, system } = process.cpuUsage(cpu);
  const main = mainThread().worked - worked;
  await new Promise((resolve) => setTimeout(resolve, 5));
  collector.disconnect();
  turns.sort((a, b) => a - b);
  report(`${what}: time a put`, took, ITEMS);
  report('  processor time a put, all threads', (user + system) / 1000, ITEMS);
  if (main > 0) report('  processor time a put, this thread', main, ITEMS);
  const worst = (turns.at(-1) ?? took).toFixed(2);
  const p99 = (turns[Math.floor(0.99 * turns.length)] ?? took).toFixed(2);
  const turn = '  longest turn of the loop; 99 % below; longest collection';
  console.log(`${turn.padEnd(58)} ${worst.padStart(8)} ms; ${p99} ms; ${collecting.toFixed(2)} ms`);
}

/** Milliseconds that the main thread has worked and has waited for a processor; zeros where the system does not tell. */
function mainThread(): { worked: number; waited: number } {
  if (process.platform !== 'linux') return { worked: 0, waited: 0 };
  const text = readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1');
  const [worked, waited] = text.split(' ');
  return { worked: Number(worked) / 1e6, waited: Number(waited) / 1e6 };
}

/** A node's worth: a million items in four replicas, the memory it takes, and how soon they are there again. */
async function million(): Promise<void> {
  const path = join(directory, 'million');
  const value = crypto.getRandomValues(new Uint8Array(VALUE_BYTES));
  let engine = await openLmdb(path);
  let states = openReplicaStates(engine);
  const replicas = await Promise.all([1, 2, 3, 4].map((replica) => states.open(replica)));
  let peak = 0;
  const began = performance.now();
  const cpu = process.cpuUsage();
  for (let i = 0; i < 1_000_000; i++) {
    const [key] = randomKeys(1) as [Uint8Array];
    const state = replicas[i % 4] as ReplicaState;
    state.apply(state.appliedIndex + 1, 1, [{ key, value }]);
    if (i % 100 !== 0) continue;
    peak = Math.max(peak, anonymousMegabytes());
    for (const each of replicas) if (each.needsFlush) void each.flush();
    while (state.isFull) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(replicas.map((state) => state.flush()));
  const { user, system } = process.cpuUsage(cpu);
  peak = Math.max(peak, anonymousMegabytes());
  report('a million puts in four replicas: time a put', performance.now() - began, 1_000_000);
  report('  processor time a put, all threads', (user + system) / 1000, 1_000_000);
  console.log(`${'  memory of the process alone, at most'.padEnd(58)} ${peak.toFixed(0)} MB`);
  await engine.close();
  const opened = performance.now();
  engine = await openLmdb(path);
  states = openReplicaStates(engine);
  for (const replica of [1, 2, 3, 4]) await states.open(replica);
  const took = performance.now() - opened;
  console.log(`${'  opened again within'.padEnd(58)} ${took.toFixed(0).padStart(8)} ms`);
  const scrubbing = process.cpuUsage();
  const scrubBegan = performance.now();
  // The engine alone keeps no process alive.
  const alive = setInterval(() => {}, 1000);
  const records = await new Promise<number>((resolve) => {
    engine.onScrubbed = resolve;
    engine.onDamage = (damage) => {
      throw new Error(damage.reason);
    };
  });
  clearInterval(alive);
  const scrubbed = process.cpuUsage(scrubbing);
  report('first scrub: time a record', performance.now() - scrubBegan, records);
  report('  processor time a record', (scrubbed.user + scrubbed.system) / 1000, records);
  const idle = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 5000));
  const rested = process.cpuUsage(idle);
  const part = (rested.user + rested.system) / 50_000;
  console.log(`${'  of a processor, idle'.padEnd(58)} ${part.toFixed(2).padStart(8)} %`);
  await engine.close();
}

/** RssAnon: without the pages of files. */
function anonymousMegabytes(): number {
  if (process.platform !== 'linux') return process.memoryUsage.rss() / 1e6;
  return Number(/RssAnon:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]) / 1024;
}

async function log(): Promise<void> {
  const { log } = await openLog(nodeDisk(directory), 'log', {
    onFatal: (error) => {
      throw error;
    },
  });
  const data = crypto.getRandomValues(new Uint8Array(300));
  const lasts = new Map<number, number>();
  for (const batch of [1, 64, 256]) {
    const rounds = Math.min(2000, Math.ceil(60_000 / batch));
    const waits: number[] = [];
    const cpu = process.cpuUsage();
    const began = performance.now();
    for (let round = 0; round < rounds; round++) {
      const sent = performance.now();
      await new Promise<void>((resolve) => {
        for (let i = 0; i < batch; i++) {
          const replica = 1 + (i % 4);
          const index = (lasts.get(replica) ?? 0) + 1;
          lasts.set(replica, index);
          const entry: LogEntry = { index, term: 1, kind: 'normal', data };
          const hardState = { term: 1, vote: 1, commit: index - 1 };
          log.append(
            replica,
            { entries: [entry], hardState },
            i === batch - 1 ? resolve : () => {},
          );
        }
        log.flush();
      });
      waits.push(performance.now() - sent);
    }
    const { user, system } = process.cpuUsage(cpu);
    waits.sort((a, b) => a - b);
    report(
      `log, ${batch} appends of 300 bytes a batch: time an append`,
      performance.now() - began,
      rounds * batch,
    );
    report('  processor time an append, all threads', (user + system) / 1000, rounds * batch);
    const [half, most] = [waits[rounds >> 1], waits[Math.floor(0.99 * rounds)]] as [number, number];
    const within = '  half of the batches durable within; 99 %';
    console.log(`${within.padEnd(58)} ${half.toFixed(2).padStart(8)} ms; ${most.toFixed(2)} ms`);
    for (const [replica, index] of lasts) log.trim(replica, index, 1);
  }
  await log.close();
}

/** What a restart costs: a log of 256 MiB, recovered, and read back in full. */
async function logRecovery(): Promise<void> {
  const options = {
    onFatal: (error: Error) => {
      throw error;
    },
    segmentsMax: 100,
  };
  const data = crypto.getRandomValues(new Uint8Array(300));
  const first = await openLog(nodeDisk(directory), 'long-log', options);
  let last = 0;
  for (let bytes = 0; bytes < 256 * 1024 * 1024; bytes += 64 * data.length) {
    const entries = Array.from({ length: 64 }, (_, i): LogEntry => {
      return { index: last + 1 + i, term: 1, kind: 'normal', data };
    });
    last += 64;
    await new Promise<void>((resolve) => {
      first.log.append(1, { entries }, resolve);
      first.log.flush();
    });
  }
  await first.log.close();
  const before = anonymousMegabytes();
  const cpu = process.cpuUsage();
  const began = performance.now();
  const { log } = await openLog(nodeDisk(directory), 'long-log', options);
  const took = performance.now() - began;
  const { user, system } = process.cpuUsage(cpu);
  console.log(
    `${`log of 256 MiB, ${last} entries: recovered within`.padEnd(58)} ${took.toFixed(0).padStart(8)} ms`,
  );
  console.log(
    `${'  processor time, all threads'.padEnd(58)} ${((user + system) / 1000).toFixed(0).padStart(8)} ms`,
  );
  console.log(
    `${'  memory of the process alone, more than before'.padEnd(58)} ${(anonymousMegabytes() - before).toFixed(0).padStart(8)} MB`,
  );
  const reading = performance.now();
  for (let next = 1; next <= last; ) {
    next += (await log.read(1, next, last + 1, 1024 * 1024)).length;
  }
  report('  read back: time an entry', performance.now() - reading, last);
  await log.close();
}
