import { sleep } from '../proc.ts';
import { giveUp } from '../processes.ts';
import { row } from '../tables.ts';
import { ask, scanAll } from './client.ts';
import type { SoakNode } from './cluster.ts';
import type { Run } from './load/load-process.ts';
import { progress, progressOf, type Stage } from './stage.ts';
import { anonymousMib } from './vitals.ts';

const LIMIT_SECONDS = 5;
const LIMIT_MIB = 700;
const POLL_MS = 10;
const GIVE_UP_MS = 180_000;
const LIGHT_LOAD = 100;
const COLUMN = 44;

/** Nodes with many items are killed and started again: when do they serve, and how much memory do they need? */
export async function restart(stage: Stage): Promise<void> {
  const { cluster, options, verdicts, settings } = stage;
  const count = await stage.fill(0, options.items);
  printHeader(cluster.nodes);
  printMemory(stage, 'after the fill');

  const last = cluster.nodes[2] as SoakNode;
  await cluster.kill(last);
  progress(`${last.name} is killed`);
  const one = await serveAgain(stage, [last], count);
  print('one killed: seconds until it serves', [
    ...cluster.nodes.slice(0, 2).map(() => ''),
    ...one,
  ]);
  const most = [printMemory(stage, 'MiB as soon as it serves')];

  await cluster.kill(...cluster.nodes);
  progress('all are killed');
  const all = await serveAgain(stage, cluster.nodes, count);
  print('all killed: seconds until each serves', all);
  most.push(printMemory(stage, 'MiB as soon as all serve'));

  const light = await lightLoad(stage, count);
  await sleep(1000 * options.seconds);
  await light.stop();
  most.push(printMemory(stage, `MiB after ${options.seconds} s of light load`));
  for (const { name, port } of cluster.nodes) {
    const found = await scanAll(port, settings.table);
    progress(`${found} items read through ${name}`);
    verdicts.atLeast(`items read through ${name}`, found, count, '');
  }
  most.push(printMemory(stage, 'MiB after all was read through each'));

  verdicts.atMost(
    'one killed: until it serves',
    Math.max(...one.map(Number)),
    LIMIT_SECONDS,
    's',
    2,
  );
  verdicts.atMost(
    'all killed: until all serve',
    Math.max(...all.map(Number)),
    LIMIT_SECONDS,
    's',
    2,
  );
  verdicts.atMost('memory of its own after a restart', Math.max(...most), LIMIT_MIB, 'MiB');
}

/** Starts nodes at once; for each the seconds until it answers ListTables and a consistent read of a random item. */
async function serveAgain(stage: Stage, nodes: readonly SoakNode[], count: number) {
  const began = performance.now();
  for (const node of nodes) stage.cluster.startNode(node);
  return Promise.all(
    nodes.map(async (node) => {
      while (!(await serves(stage, node, count))) {
        if (performance.now() - began > GIVE_UP_MS) giveUp(`${node.name} does not serve again`);
        await sleep(POLL_MS);
      }
      const seconds = ((performance.now() - began) / 1000).toFixed(2);
      progress(`${node.name} serves after ${seconds} s`);
      return seconds;
    }),
  );
}

async function serves(stage: Stage, { port }: SoakNode, count: number): Promise<boolean> {
  const tables = await ask(port, 'ListTables', {}).catch(() => undefined);
  if (tables?.status !== 200) return false;
  const key = `key-${String(Math.floor(Math.random() * count)).padStart(12, '0')}`;
  const answer = await ask(port, 'GetItem', {
    TableName: stage.settings.table,
    Key: { pk: { S: key } },
    ConsistentRead: true,
  }).catch(() => undefined);
  if (answer?.status !== 200) return false;
  const item = answer.body['Item'] as { readonly pk: { readonly S: string } } | undefined;
  if (item?.pk.S !== key) giveUp(`${key} is lost: ${JSON.stringify(answer.body)}`);
  return true;
}

function lightLoad(stage: Stage, count: number): Promise<Run> {
  const keys = { order: 'random', first: 0, count } as const;
  const load = stage.load('mix', keys, { kind: 'paced', perSecond: LIGHT_LOAD }, 6);
  return stage.loader.run(load, (second) => progressOf('light load', second));
}

function printHeader(nodes: readonly SoakNode[]): void {
  console.log();
  print(
    '',
    nodes.map(({ name }) => name),
  );
}

function print(what: string, numbers: readonly string[]): void {
  row([what], numbers, COLUMN);
}

/** Returns the most of any node. */
function printMemory({ cluster }: Stage, when: string): number {
  const mib = cluster.nodes.map((node) => anonymousMib(cluster.pidOf(node)));
  print(
    when,
    mib.map((one) => one.toFixed(0)),
  );
  return Math.max(...mib);
}
