import {
  type ClusterMap,
  type ControllerReply,
  type ControllerRequest,
  controllersOf,
  type NodeName,
  type NodeRecord,
} from '../controller/index.ts';
import { type Clock, wait } from '../ports/index.ts';
import type { Peers } from './peers.ts';

const TIMEOUT_MS = 4_000;
const PAUSE_MS = 200;
/** Every so many turns the addresses that the node was given are called, and what is known of the controller counts no more. */
const TURNS_OF_A_ROUND = 15;

export interface JoiningOptions {
  readonly self: NodeRecord;
  /** `--join`: addresses of some nodes of the cluster. */
  readonly addresses: readonly string[];
  readonly clock: Clock;
  readonly peers: Pick<Peers, 'call' | 'callOnAll' | 'follow' | 'up'>;
  readonly ask: (
    node: NodeName,
    request: ControllerRequest,
    timeoutMs: number,
  ) => Promise<ControllerReply>;
  readonly isStopped: () => boolean;
  /** The log can take what comes: replicas and shards, at once and by the megabyte. */
  readonly isPrepared: () => boolean;
  /** The cluster does not take this node: one line says why. */
  readonly refuse: (reason: string) => void;
  readonly notice: (message: string) => void;
}

/**
 * How a node with an empty directory comes into a running cluster (C7): any node that it reaches has a map, the map says who has the
 * controller, and the controller takes the node in. Resolves with a map that has it, which may be asked for again after a crash:
 * nothing is written here. Undefined when it is not to be.
 */
export async function joinCluster(options: JoiningOptions): Promise<ClusterMap | undefined> {
  const { self, clock, peers, ask, isStopped, isPrepared, refuse, notice } = options;
  const addresses = options.addresses.filter((address) => address !== self.peer);
  let map: ClusterMap | undefined;
  let leader: NodeName | undefined;
  let isAdded = false;
  const pause = () => wait(clock, PAUSE_MS);
  while (!isPrepared() && !isStopped()) await pause();
  for (let turn = 0; !isStopped(); turn++) {
    if (turn % TURNS_OF_A_ROUND === 0) {
      for (const address of addresses) peers.call(address);
      map = undefined;
      if (turn > 0) notice(`waits for ${addresses.join(', ')} to be let in`);
    }
    const candidates = map ? controllersOf(map) : peers.up();
    const node = leader ?? candidates[turn % candidates.length];
    leader = undefined;
    if (node !== undefined) {
      const request: ControllerRequest =
        map && !isAdded
          ? { kind: 'command', command: { kind: 'add-node', node: self } }
          : { kind: 'map', consistent: isAdded };
      const reply = await ask(node, request, TIMEOUT_MS);
      switch (reply.kind) {
        case 'map':
          map = reply.map;
          peers.follow(map.nodes.map(({ name, peer }) => ({ name, address: peer })));
          peers.callOnAll();
          if (map.nodes.some(({ incarnation }) => incarnation === self.incarnation)) return map;
          continue;
        case 'outcome':
          if (reply.outcome.kind === 'refused') {
            refuse(reply.outcome.reason);
            return undefined;
          }
          isAdded = true;
          continue;
        case 'not-leader':
          if (reply.leader !== '') leader = reply.leader;
          break;
        case 'unavailable':
          break;
      }
    }
    await pause();
  }
  return undefined;
}
