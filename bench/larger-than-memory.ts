/**
 * `npx tsx bench/larger-than-memory.ts [--items 400000] [--memory 1024] [--seconds 10] [--data DIR]`: what the engine reads where its
 * file, of items of 4 KB, is larger than the memory that is there for it (MiB), beside the same file in LMDB as it comes, which
 * reads ahead. Needs Linux and root: the memory is that of a control group.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { open } from 'lmdb';
import { compareBytes } from '../src/bytes/index.ts';
import { openLmdb } from '../src/engine/lmdb/index.ts';
import { ENVIRONMENT, RECORDS } from '../src/engine/lmdb/options.ts';
import { atEnd, giveUp } from './processes.ts';
import { makeDirectory } from './settings.ts';
import { row } from './tables.ts';

const MIB = 2 ** 20;
const VALUE = new Uint8Array(4096).fill(120);
const COMMIT_ITEMS = 1_000;
const RANGE_ITEMS = 20;
const CONTROL_GROUPS = '/sys/fs/cgroup';
const NAME = 'flotilla-bench';
const DROP_CACHES = '/proc/sys/vm/drop_caches';

/** Reads one value, or a few from the key on; gives how many. */
interface Reads {
  readonly get: (key: Uint8Array) => number;
  readonly range: (from: Uint8Array) => number;
  readonly close: () => Promise<void>;
}

const { values } = parseArgs({
  options: {
    items: { type: 'string', default: '400000' },
    memory: { type: 'string', default: '1024' },
    seconds: { type: 'string', default: '10' },
    data: { type: 'string', default: tmpdir() },
    /** Of a child: what it reads by. */
    by: { type: 'string' },
    group: { type: 'string', default: '' },
  },
});
const [items, memory, seconds] = [values.items, values.memory, values.seconds].map(Number) as [
  number,
  number,
  number,
];
if (![items, memory, seconds].every((count) => Number.isSafeInteger(count) && count > 0)) {
  giveUp('--items, --memory and --seconds are whole numbers');
}

if (values.by === undefined) await compare();
else await measure(values.by);

async function compare(): Promise<void> {
  const directory = makeDirectory(values.data);
  const group = controlGroup();
  await fill(directory);
  const size = statSync(join(directory, 'data.mdb')).size / MIB;
  console.log(`a file of ${size.toFixed(0)} MiB, ${memory} MiB of memory for it\n`);
  row(['read by', 'what'], ['reads/s', 'p50 ms', 'p99 ms', 'KiB each']);
  for (const by of ['the engine', 'LMDB as it comes']) {
    writeFileSync(DROP_CACHES, '3');
    const own = ['--by', by, '--data', directory, '--group', group];
    const args = [...process.execArgv, import.meta.filename, ...process.argv.slice(2), ...own];
    const { status } = spawnSync(process.execPath, args, { stdio: 'inherit' });
    if (status !== 0) giveUp(`the reads by ${by} failed`);
  }
}

/** Made for this run, in the first or the second version of control groups. */
function controlGroup(): string {
  const first = join(CONTROL_GROUPS, 'memory');
  const isFirst = existsSync(first);
  const group = join(isFirst ? first : CONTROL_GROUPS, `${NAME}-${process.pid}`);
  const limit = isFirst ? 'memory.limit_in_bytes' : 'memory.max';
  try {
    mkdirSync(group);
    atEnd(() => rmdirSync(group));
    writeFileSync(join(group, limit), String(memory * MIB));
  } catch (error) {
    giveUp(`no control group can be made, which needs root: ${error}`);
  }
  return group;
}

async function fill(directory: string): Promise<void> {
  const engine = await openLmdb(directory);
  for (let first = 0; first < items; first += COMMIT_ITEMS) {
    const length = Math.min(COMMIT_ITEMS, items - first);
    const keys = Array.from({ length }, (_, i) => keyOf(first + i)).sort(compareBytes);
    await engine.commit(keys.map((key) => ({ key, value: VALUE }))).durable;
  }
  await engine.close();
}

/** Keys of items begin with a hash. */
function keyOf(i: number): Uint8Array {
  return new Uint8Array(createHash('sha256').update(String(i)).digest().subarray(0, 16));
}

async function measure(by: string): Promise<void> {
  writeFileSync(join(values.group, 'cgroup.procs'), String(process.pid));
  const reads = by === 'the engine' ? await throughEngine() : plain();
  for (const what of ['get', 'range'] as const) {
    const tooks: number[] = [];
    const before = readBytes();
    const until = performance.now() + 1000 * seconds;
    while (performance.now() < until) {
      const began = performance.now();
      const found = reads[what](keyOf(Math.floor(Math.random() * items)));
      tooks.push(performance.now() - began);
      if (found === 0) throw new Error('an item is not there');
    }
    const read = (readBytes() - before) / 1024 / tooks.length;
    tooks.sort((a, b) => a - b);
    const at = (part: number) => (tooks[Math.floor(part * tooks.length)] as number).toFixed(2);
    row(
      [by, what === 'get' ? 'one item' : `${RANGE_ITEMS} items`],
      [(tooks.length / seconds).toFixed(0), at(0.5), at(0.99), read.toFixed(0)],
    );
  }
  await reads.close();
}

function readBytes(): number {
  return Number(/^read_bytes: (\d+)/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);
}

async function throughEngine(): Promise<Reads> {
  const engine = await openLmdb(values.data);
  return {
    get: (key) => (engine.get(key) ? 1 : 0),
    range: (from) => {
      const cursor = engine.range({ from, to: new Uint8Array(17).fill(255) });
      let found = 0;
      while (found < RANGE_ITEMS && cursor.next()) found++;
      cursor.close();
      return found;
    },
    close: () => engine.close(),
  };
}

function plain(): Reads {
  const readingAhead = { ...ENVIRONMENT, noReadAhead: false };
  const root = open({ ...readingAhead, path: values.data });
  const records = root.openDB<Uint8Array, Uint8Array>(RECORDS);
  return {
    get: (key) => (records.get(key) ? 1 : 0),
    range: (start) => [...records.getRange({ start, limit: RANGE_ITEMS })].length,
    close: () => root.close(),
  };
}
