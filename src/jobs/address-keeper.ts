import { type ClusterMap, hasAddresses, type NodeRecord } from '../controller/index.ts';
import type { ControllerClient } from '../router/index.ts';

export interface LocalNode {
  readonly map: ClusterMap;
  /** What the node says of itself, as it was started. */
  readonly record: NodeRecord;
}

/** Tells the controller where this node is reached, when it was started with other addresses than last time (F16). */
export class AddressKeeper {
  readonly #node: LocalNode;
  readonly #controller: ControllerClient;
  #isBusy = false;

  constructor(node: LocalNode, controller: ControllerClient) {
    this.#node = node;
    this.#controller = controller;
  }

  /** To be called when the map has changed, and now and then. Never rejects. */
  run(): void {
    const { record: node, map } = this.#node;
    const known = map.nodes.find(({ incarnation }) => incarnation === node.incarnation);
    if (!known || this.#isBusy || hasAddresses(known, node)) return;
    this.#isBusy = true;
    void this.#controller.command({ kind: 'add-node', node }).finally(() => {
      this.#isBusy = false;
    });
  }
}
