import type { NodeName } from '../controller/index.ts';
import type { ClusterStatus } from '../node/index.ts';
import { command, fetchStatus } from './endpoint.ts';
import { styled } from './style.ts';
import { table } from './table.ts';

interface Asked {
  readonly endpoint: string;
}

/** A line of `flotilla nodes list`; with `--json` this. */
interface ListedNode {
  readonly name: NodeName;
  readonly state: 'up' | 'down' | 'draining';
  readonly http: string;
  readonly peer: string;
  readonly zone: string;
  /** Those that the controller wants there or that are still to go, its own among them. */
  readonly replicas: number;
  /** Groups that it leads. */
  readonly leads: number;
}

/** `flotilla nodes list` */
export async function listNodes(options: Asked & { readonly json?: boolean }): Promise<void> {
  const nodes = nodesOf(await fetchStatus(options.endpoint));
  console.log(options.json ? JSON.stringify(nodes) : render(nodes));
}

/** `flotilla nodes drain` */
export async function drainNode(node: NodeName, { endpoint }: Asked): Promise<void> {
  const done = `node ${node} is being emptied: flotilla nodes list shows the replicas that it still has`;
  await command(endpoint, { kind: 'drain-node', node }, done);
}

/** `flotilla nodes remove` */
export async function removeNode(node: NodeName, { endpoint }: Asked): Promise<void> {
  await command(endpoint, { kind: 'remove-node', node }, `node ${node} is removed`);
}

/** `flotilla nodes forget` */
export async function forgetNodes(
  nodes: readonly NodeName[],
  { endpoint, loseData = false }: Asked & { readonly loseData?: boolean },
): Promise<void> {
  const done = `the cluster goes on without ${nodes.join(', ')}, and without what only they had`;
  await command(endpoint, { kind: 'forget-nodes', nodes, loseData }, done);
}

function nodesOf({ nodes, groups }: ClusterStatus): ListedNode[] {
  return nodes.map((node) => ({
    ...node,
    replicas: groups.filter(({ lag }) => node.name in lag).length,
    leads: groups.filter(({ leader }) => leader === node.name).length,
  }));
}

function render(nodes: readonly ListedNode[]): string {
  return table(
    ['node', 'state', 'http', 'peer', 'zone', 'replicas', 'leads'],
    nodes.map(({ name, state, http, peer, zone, replicas, leads }) => [
      name,
      styled(state === 'up' ? 'green' : 'red', state),
      http,
      peer,
      zone,
      `${replicas}`,
      `${leads}`,
    ]),
  );
}
