import {
  type ClusterMap,
  CONTROLLER_GROUP,
  type ControllerReply,
  type ControllerRequest,
  controllersOf,
  type NodeName,
} from '../controller/index.ts';
import type { Clock } from '../ports/index.ts';
import type { Replicas } from './replicas.ts';

const TIMEOUT_MS = 4_000;
const PAUSE_MS = 200;
/** The last one of a round asks somebody who need not have the controller. */
const ASKS_OF_A_ROUND = 4;

interface Watching {
  readonly self: NodeName;
  readonly map: ClusterMap;
  readonly replicas: Pick<Replicas, 'controller' | 'nodeOf' | 'roster'>;
  learnMap(map: ClusterMap): void;
  askController(
    node: NodeName,
    request: ControllerRequest,
    timeoutMs: number,
  ): Promise<ControllerReply>;
}

/**
 * Keeps a node's map new where no replica of the controller here does: one that is led has each change itself, but one that was taken
 * away meanwhile is not led any more, and one that does not know where its leader is cannot answer it, and gets nothing. The
 * controller's members are asked one after the other, and now and then any other node, which has a map, too: by the time that a
 * node is back, the members that it knew may all have gone.
 */
export function watchMap(node: Watching, clock: Clock, stopped: () => boolean): void {
  let turn = 0;
  const ask = async () => {
    if (stopped()) return;
    const { replicas } = node;
    const { controller, roster } = replicas;
    const isForAll = turn % ASKS_OF_A_ROUND === ASKS_OF_A_ROUND - 1;
    const known = isForAll ? roster.nodes.map(({ name }) => name) : controllersOf(roster);
    const others = known.filter((name) => name !== node.self);
    const at = isForAll ? Math.floor(turn / ASKS_OF_A_ROUND) : turn;
    const other = others[at % others.length];
    const isLed = controller && replicas.nodeOf(CONTROLLER_GROUP, controller.replica.leader);
    if (!isLed && other !== undefined) {
      const request = { kind: 'watch', after: node.map.number } as const;
      const reply = await node.askController(other, request, TIMEOUT_MS);
      if (reply.kind === 'map') {
        node.learnMap(reply.map);
        void ask(); // it answers: stay with it
        return;
      }
    }
    turn++;
    clock.after(PAUSE_MS, () => void ask());
  };
  void ask();
}
