import type { ClusterStatus } from '../node/index.ts';
import { fetchStatus } from './endpoint.ts';
import { SHARD_HEAD, shardCells } from './shard-cells.ts';
import { styled } from './style.ts';
import { table } from './table.ts';

export interface StatusOptions {
  readonly endpoint: string;
  readonly json?: boolean;
  readonly watch?: boolean;
}

const WATCH_MS = 1_000;

/** `flotilla status`. */
export async function status(options: StatusOptions): Promise<void> {
  do {
    const cluster = await fetchStatus(options.endpoint);
    const shown = options.json ? JSON.stringify(cluster) : render(cluster);
    if (options.watch) process.stdout.write('\u001b[2J\u001b[H');
    process.stdout.write(`${shown}\n`);
    if (options.watch) await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
  } while (options.watch);
}

/** What was damaged: an operator has to look at these disks, also when their replicas have begun anew. */
function damage({ nodes, groups }: ClusterStatus): string[] {
  const found = nodes.flatMap(({ name, damage: causes }) =>
    causes.map((cause) => styled('yellow', `${name} has found damage on its disk: ${cause}`)),
  );
  const quarantined = groups.flatMap(({ id, quarantined: reasons }) =>
    Object.entries(reasons).map(([node, reason]) =>
      styled('red', `the replica of group ${id} on ${node} is ${reason}`),
    ),
  );
  const lines = [...found, ...quarantined];
  return lines.length > 0 ? [lines.join('\n')] : [];
}

function render(cluster: ClusterStatus): string {
  const bold = (text: string) => styled('bold', text);
  const state = (text: string, good: string) => styled(text === good ? 'green' : 'red', text);
  const nodes = table(
    ['node', 'state', 'http', 'peer', 'zone'],
    cluster.nodes.map(({ name, state: is, http, peer, zone }) => [
      name,
      state(is, 'up'),
      http,
      peer,
      zone,
    ]),
  );
  const groups = table(
    ['group', 'leader', 'term', 'commit', 'applied', 'voters', 'lag'],
    cluster.groups.map(({ id, leader, term, commit, applied, voters, learners, lag }) => [
      id === 0 ? '0 (controller)' : `${id}`,
      leader === '' ? styled('red', 'none') : leader,
      `${term}`,
      `${commit}`,
      `${applied}`,
      [...voters, ...learners.map((node) => `(${node} learns)`)].join(' '),
      [...voters, ...learners].map((node) => `${node}:${lag[node] ?? '?'}`).join(' '),
    ]),
  );
  const shards = table(
    ['table', 'status', 'shard', ...SHARD_HEAD],
    cluster.tables.flatMap(({ name, status: is, shards: list }) =>
      list.map((shard, i) => [
        i === 0 ? name : '',
        i === 0 ? state(is, 'ACTIVE') : '',
        `${shard.id}`,
        ...shardCells(shard),
      ]),
    ),
  );
  return [
    `${bold('cluster')} ${cluster.cluster}, configuration ${cluster.configNumber}`,
    nodes,
    groups,
    ...damage(cluster),
    cluster.tables.length > 0 ? shards : 'no tables',
  ].join('\n\n');
}
