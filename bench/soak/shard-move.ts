import { join } from 'node:path';
import { compareHash, encodeKeyValue, hashFromHex, makeItemKey } from '../../src/item/index.ts';
import { sleep } from '../proc.ts';
import { run } from '../processes.ts';
import { ask } from './client.ts';
import type { SoakNode } from './cluster.ts';
import { summaryOf } from './load/summary.ts';
import { printPhase, printPhaseHeader, progress, type Stage, secondsOf } from './stage.ts';

const WRITERS = 8;
const WARM_UP_SECONDS = 2;
const MIB = 2 ** 20;
const POLL_MS = 50;
/** What a client sends again by itself, it does for some seconds. */
const PAUSE_MS_MAX = 500;

interface ShardStatus {
  readonly id: number;
  readonly hashStart: string;
  readonly hashEnd: string;
  readonly group: number;
  readonly movingTo: number;
  /** What it is about to be replaced by; empty: nothing. */
  readonly becomes: string;
  readonly items: number;
  readonly bytes: number;
}

/**
 * A shard moves to another group under a mixed load at a share of the capacity: how long its writes pause, how fast it is copied,
 * and what that costs the requests of all shards.
 */
export async function shardMove(stage: Stage): Promise<void> {
  const { cluster, options, verdicts } = stage;
  const count = await stage.fill(0, options.items);
  const random = { order: 'random', first: 0, count } as const;
  const capacity = await stage.capacityOf(stage.load('mix', random, { kind: 'full' }));
  const pace = { kind: 'paced', perSecond: options.share * capacity } as const;
  const load = await stage.play('load', stage.load('mix', random, pace), WARM_UP_SECONDS);
  const before = await phase(() => secondsOf(load, WARM_UP_SECONDS + options.seconds));

  const shard = await largest(stage);
  const to = (shard.group % cluster.nodes.length) + 1;
  const writers = new Writers(stage, shard);
  const from = load.seconds.length;
  const tool = join(options.tree, 'dist/cli/main.js');
  const endpoint = `http://127.0.0.1:${cluster.ports[0]}`;
  const move = ['shards', 'move', `${shard.id}`, '--to', `${to}`, '--endpoint', endpoint];
  const took = await phase(async () => {
    progress(await run(process.execPath, [tool, ...move]));
    for (;;) {
      const { group } = await statusOf(stage, shard.id);
      if (group === to) return;
      await sleep(POLL_MS);
    }
  });
  const until = load.seconds.length;
  await secondsOf(load, until + options.seconds);
  await writers.stop();
  await load.stop();

  const calm = summaryOf(
    load.seconds.slice(WARM_UP_SECONDS, from),
    load.seconds[WARM_UP_SECONDS - 1]?.atMs,
  );
  const during = summaryOf(load.seconds.slice(from, until), load.seconds[from - 1]?.atMs);
  const after = summaryOf(load.seconds.slice(until), load.seconds[until - 1]?.atMs);
  printPhaseHeader();
  printPhase('before', calm);
  printPhase('while the shard moves', during);
  printPhase('after', after);
  const mib = shard.bytes / MIB;
  console.log(
    `\n${mib.toFixed(0)} MiB (${shard.items} items) moved in ${(took / 1000).toFixed(1)} s: ` +
      `${(mib / (took / 1000)).toFixed(1)} MiB/s; measured after ${(before / 1000).toFixed(0)} s of calm`,
  );
  console.log(`p99 of all requests: ${calm.p99.toFixed(1)} ms before, ${during.p99.toFixed(1)} ms`);
  verdicts.atMost('longest time without a write to the shard', writers.gapMs, PAUSE_MS_MAX, 'ms');
  verdicts.atMost('writes to the shard that failed', writers.failures, 0, '');
  verdicts.atMost('answers of the load that failed', failuresOf(during.failures), 0, '');
}

async function phase(work: () => Promise<void>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}

/** Once none moves or splits by itself, as they do after so many writes. */
async function largest(stage: Stage): Promise<ShardStatus> {
  for (;;) {
    const shards = await shardsOf(stage);
    if (shards.every(({ movingTo, becomes }) => movingTo === 0 && becomes === '')) {
      return shards.reduce((a, b) => (b.bytes > a.bytes ? b : a));
    }
    await sleep(POLL_MS);
  }
}

async function statusOf(stage: Stage, id: number): Promise<ShardStatus> {
  const found = (await shardsOf(stage)).find((shard) => shard.id === id);
  if (!found) throw new Error(`no shard ${id}`);
  return found;
}

async function shardsOf({ cluster }: Stage): Promise<ShardStatus[]> {
  const { tables } = await cluster.statusBy(cluster.nodes[0] as SoakNode);
  return tables.flatMap(({ shards }) => shards);
}

function failuresOf(failures: Readonly<Record<string, number>>): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** Clients that write to one shard, each as soon as it has the answer to the last write. */
class Writers {
  /** The longest time in which none of them had an answer. */
  gapMs = 0;
  failures = 0;
  #lastAt = performance.now();
  #stopped = false;
  readonly #running: Promise<unknown>;

  constructor(stage: Stage, shard: ShardStatus) {
    const { cluster, settings } = stage;
    const keys = keysIn(shard, WRITERS);
    this.#running = Promise.all(
      keys.map(async (key, i) => {
        const port = cluster.ports[i % cluster.ports.length] as number;
        while (!this.#stopped) {
          const item = { pk: { S: key }, v: { S: 'x'.repeat(stage.options.valueBytes) } };
          const { status } = await ask(port, 'PutItem', { TableName: settings.table, Item: item });
          if (status !== 200) this.failures++;
          else this.#answered();
        }
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  #answered(): void {
    const now = performance.now();
    this.gapMs = Math.max(this.gapMs, now - this.#lastAt);
    this.#lastAt = now;
  }
}

function keysIn({ hashStart, hashEnd }: ShardStatus, count: number): string[] {
  const start = hashFromHex(hashStart);
  const end = hashEnd === '' ? undefined : hashFromHex(hashEnd);
  const keys: string[] = [];
  for (let i = 0; keys.length < count; i++) {
    const key = `writer-${i}`;
    const { hash } = makeItemKey(encodeKeyValue({ type: 'S', value: key }));
    if (compareHash(hash, start) >= 0 && (!end || compareHash(hash, end) < 0)) keys.push(key);
  }
  return keys;
}
