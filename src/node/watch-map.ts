import type {
  ClusterMap,
  ControllerReply,
  ControllerRequest,
  NodeName,
} from '../controller/index.ts';
import type { Clock } from '../ports/index.ts';

const TIMEOUT_MS = 4_000;
const PAUSE_MS = 200;

interface Watching {
  readonly map: ClusterMap;
  learnMap(map: ClusterMap): void;
  askController(
    node: NodeName,
    request: ControllerRequest,
    timeoutMs: number,
  ): Promise<ControllerReply>;
}

/** Keeps the map of a node without a controller replica new: asks one controller replica after the other for the next. */
export function watchMap(
  node: Watching,
  controllers: readonly NodeName[],
  clock: Clock,
  stopped: () => boolean,
): void {
  let turn = 0;
  const ask = async () => {
    const controller = controllers[turn++ % controllers.length];
    if (stopped() || controller === undefined) return;
    const request = { kind: 'watch', after: node.map.number } as const;
    const reply = await node.askController(controller, request, TIMEOUT_MS);
    if (reply.kind === 'map') {
      node.learnMap(reply.map);
      turn--; // it answers: stay with it
      void ask();
    } else {
      clock.after(PAUSE_MS, () => void ask());
    }
  };
  void ask();
}
