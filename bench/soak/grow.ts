import { join } from 'node:path';
import type { ClusterStatus } from '../../src/node/index.ts';
import { sleep } from '../proc.ts';
import { run } from '../processes.ts';
import { DynamoDbSystem } from '../systems/dynamodb-system.ts';
import { row } from '../tables.ts';
import { Crowd, WRONG } from './clients/crowd.ts';
import { Endpoints } from './clients/endpoints.ts';
import { Registers, type RegistersResult } from './clients/registers.ts';
import type { SoakNode } from './cluster.ts';
import { BATCH_ITEMS } from './load/request-maker.ts';
import { type Summary, summaryOf } from './load/summary.ts';
import {
  PHASE_COLUMN,
  printPhase,
  printPhaseHeader,
  progress,
  progressOf,
  type Stage,
} from './stage.ts';

export const GROW_ARGUMENTS = ['--replace-after', '10s'];

/** A table has a shard for each group that there was when it was made: with these there are enough to share with later groups. */
const MORE_TABLES = ['soak2', 'soak3', 'soak4'];
const WARM_UP_SECONDS = 3;
const CAPACITY_SECONDS = 8;
const POLL_MS = 100;
/** Nothing moves any more when nothing has for so long: the controller looks for the next step twice a second. */
const REST_MS = 3_000;
const GIVE_UP_MS = 240_000;
/** Of items that were lost. */
const LINES_MAX = 10;
/** The longest time without a success: while nodes come and go in good order, and where one dies. */
const PAUSE_MS_MAX = 1_000;
const FAILOVER_MS_MAX = 3_000;

interface Phase {
  readonly name: string;
  readonly summary: Summary;
  readonly failedTries: Readonly<Record<string, number>>;
  readonly pauseMsMax: number;
}

/** A cluster grows by two nodes, loses one in good order and one by its death, under the load of clients as applications have them. */
export async function grow(stage: Stage): Promise<void> {
  const { cluster, options, settings } = stage;
  const { crowd, endpoints } = await clientsOf(stage);
  const registers = new Registers(settings.table, endpoints);
  const capacity = await capacityOf(crowd);
  console.log(`capacity of ${options.connections} clients: ${capacity.toFixed(0)} requests/s`);
  crowd.perSecond = options.share * capacity;
  await secondsOf(crowd, WARM_UP_SECONDS);

  const [n1, n2, n3] = cluster.nodes as [SoakNode, SoakNode, SoakNode];
  const phases: Phase[] = [];
  const phase = async (name: string, pauseMsMax: number, events: () => Promise<void>) => {
    progress(`phase: ${name}`);
    const from = crowd.seconds.length;
    await events();
    // What the events have cost the last second is in its report.
    await secondsOf(crowd, 1);
    const failedTries = sumOf(crowd.seconds.slice(from).map((second) => second.failedTries));
    phases.push({ name, summary: summarySince(crowd, from), failedTries, pauseMsMax });
  };
  const calm = () => secondsOf(crowd, options.seconds);
  const tool = (...args: readonly string[]) => {
    const program = join(options.tree, 'dist/cli/main.js');
    const endpoint = ['--endpoint', `http://127.0.0.1:${n2.port}`];
    return run(process.execPath, [program, ...args, ...endpoint]);
  };

  await phase('calm', PAUSE_MS_MAX, calm);
  await phase('two nodes join', PAUSE_MS_MAX, async () => {
    cluster.join();
    cluster.join();
    await rest(stage, n2, 5);
  });
  await phase('one is drained and removed', PAUSE_MS_MAX, async () => {
    await tool('nodes', 'drain', n1.name);
    await rest(stage, n2, 4);
    cluster.mayEnd(n1);
    await tool('nodes', 'remove', n1.name);
    await cluster.terminate(n1);
  });
  await phase('one is killed and replaced', FAILOVER_MS_MAX, async () => {
    await cluster.kill(n3);
    cluster.join();
    await rest(stage, n2, 4);
  });
  await phase('calm again', PAUSE_MS_MAX, calm);

  await crowd.stop();
  const histories = await registers.stop();
  const lost = await crowd.lost();
  endpoints.stop();
  print(phases);
  console.log(
    `\n${crowd.itemsWritten} items written and read back; ${histories.operations} operations on registers, ` +
      `${histories.unknown} of them without an answer`,
  );
  for (const line of [...lost.slice(0, LINES_MAX), ...histories.faults]) console.log(line);
  judge(stage, phases, crowd, histories, lost.length);
}

/** Makes and fills the tables, and lets clients run on them at full speed. */
async function clientsOf(stage: Stage): Promise<{ crowd: Crowd; endpoints: Endpoints }> {
  const { cluster, options, settings } = stage;
  const { connections: clients, valueBytes } = options;
  const tables = [settings.table, ...MORE_TABLES];
  for (const table of MORE_TABLES) {
    await new DynamoDbSystem('flotilla', { ...settings, table }, cluster.ports, []).createTable();
  }
  const share = Math.ceil(options.items / (BATCH_ITEMS * tables.length)) * BATCH_ITEMS;
  for (const [i, table] of tables.entries()) {
    await stage.fill(i * share, share, cluster.ports, stage.loader, table);
  }
  const endpoints = new Endpoints(cluster.ports);
  const items = share * tables.length;
  const crowd = new Crowd({ tables, clients, items, valueBytes, endpoints });
  crowd.onSecond = (second) => progressOf('load', second);
  return { crowd, endpoints };
}

async function capacityOf(crowd: Crowd): Promise<number> {
  await secondsOf(crowd, WARM_UP_SECONDS);
  const from = crowd.seconds.length;
  await secondsOf(crowd, CAPACITY_SECONDS);
  return summarySince(crowd, from).perSecond;
}

/** Resolves when the clients have run for so many seconds more. */
async function secondsOf(crowd: Crowd, count: number): Promise<void> {
  const until = crowd.seconds.length + count;
  while (crowd.seconds.length < until) await sleep(POLL_MS);
}

function summarySince(crowd: Crowd, from: number): Summary {
  return summaryOf(crowd.seconds.slice(from), crowd.seconds[from - 1]?.atMs);
}

function print(phases: readonly Phase[]): void {
  printPhaseHeader();
  for (const { name, summary, failedTries } of phases) {
    printPhase(name, summary);
    for (const [why, count] of Object.entries(failedTries)) {
      row([`  a try failed: ${why}`], [count], PHASE_COLUMN);
    }
  }
}

function judge(
  { verdicts }: Stage,
  phases: readonly Phase[],
  crowd: Crowd,
  histories: RegistersResult,
  lost: number,
): void {
  for (const { name, summary, pauseMsMax } of phases) {
    verdicts.atMost(`${name}: longest time without a success`, summary.gapMs, pauseMsMax, 'ms');
    verdicts.atMost(`${name}: of one client`, summary.connectionGapMs, pauseMsMax, 'ms');
  }
  const failures = sumOf(crowd.seconds.map((second) => second.failures));
  const wrong = failures[WRONG] ?? 0;
  const all = Object.values(failures).reduce((sum, count) => sum + count, 0);
  verdicts.atMost('requests that failed for good', all - wrong + histories.unknown, 0, '');
  verdicts.atMost('answers that contradict earlier ones', wrong, 0, '');
  verdicts.atMost('acknowledged and lost', lost, 0, '');
  verdicts.atMost('registers that are not linearizable', histories.faults.length, 0, '');
}

/** Resolves when so many nodes have everything between them, evenly, and nothing has moved for a while; throws after minutes. */
async function rest({ cluster }: Stage, through: SoakNode, nodes: number): Promise<void> {
  const began = performance.now();
  let restingSince = began;
  let last = '';
  let isEven = false;
  while (!isEven || performance.now() - restingSince < REST_MS) {
    if (performance.now() - began > GIVE_UP_MS) throw new Error(`things still move: ${last}`);
    await sleep(POLL_MS);
    const status = await cluster.statusBy(through);
    const placement = placementOf(status);
    if (placement !== last) {
      progress(`${((performance.now() - began) / 1000).toFixed(1)} s: ${placement}`);
      restingSince = performance.now();
    }
    last = placement;
    isEven = isAtRest(status, nodes);
  }
  const seconds = (restingSince - began) / 1000;
  console.log(`nothing moves any more after ${seconds.toFixed(1)} s`);
}

/** What is where, in one line. */
function placementOf({ groups, tables }: ClusterStatus): string {
  const shards = tables.flatMap((table) => table.shards);
  const lines = groups.map(({ id, leader, voters, learners }) => {
    const own = shards.filter(({ group }) => group === id).length;
    const coming = shards.filter(({ movingTo }) => movingTo !== 0 && movingTo === id).length;
    const members = [...voters, ...learners.map((name) => `+${name}`)].join(' ');
    return `${id}: ${members}, by ${leader || 'nobody'}, ${own}${coming > 0 ? `+${coming}` : ''} shards`;
  });
  return lines.join('; ');
}

/** Each of so many nodes leads a group of data and has its share; nothing is on its way. */
function isAtRest({ groups, tables, nodes }: ClusterStatus, count: number): boolean {
  const takers = nodes.filter(({ state }) => state === 'up').map(({ name }) => name);
  const isSettled = groups.every(
    ({ leader, voters, learners, lag }) =>
      leader !== '' && learners.length === 0 && voters.length === Object.keys(lag).length,
  );
  const data = groups.filter(({ id }) => id !== 0);
  const shards = tables.flatMap((table) => table.shards);
  const isDone = shards.every(
    ({ movingTo, state, becomes }) => movingTo === 0 && state === 'serving' && becomes === '',
  );
  // As many as on any other at first; later by what they have to bear.
  const isShared = data.every(({ id }) => shards.some(({ group }) => group === id));
  const replicas = takers.map((name) => groups.filter(({ lag }) => name in lag).length);
  const leads = takers.map((name) => data.filter(({ leader }) => leader === name).length);
  const isEven = [replicas, leads].every(
    (counts) => Math.max(...counts) - Math.min(...counts) <= 1,
  );
  const isWhole = groups.every(({ lag }) =>
    Object.keys(lag).every((name) => takers.includes(name)),
  );
  return takers.length === count && isSettled && isDone && isShared && isEven && isWhole;
}

function sumOf(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const counts of all) {
    for (const [why, count] of Object.entries(counts)) sum[why] = (sum[why] ?? 0) + count;
  }
  return sum;
}
