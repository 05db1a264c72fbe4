import { type ClusterMap, hasAddresses, type NodeRecord } from '../controller/index.ts';
import type { ControllerClient } from '../router/index.ts';
import type { Means } from './means.ts';
import { Tasks } from './tasks.ts';

export interface LocalNode {
  readonly map: ClusterMap;
  /** What the node says of itself, as it was started. */
  readonly record: NodeRecord;
}

/** Tells the controller where this node is reached, when it was started with other addresses than last time (F16). */
export class AddressKeeper {
  readonly #node: LocalNode;
  readonly #controller: ControllerClient;
  readonly #tasks: Tasks<'address'>;

  constructor(node: LocalNode, means: Pick<Means, 'controller' | 'fatal'>) {
    this.#node = node;
    this.#controller = means.controller;
    this.#tasks = new Tasks(means);
  }

  /** To be called when the map has changed, and now and then. */
  run(): void {
    const { record: node, map } = this.#node;
    const known = map.nodes.find(({ incarnation }) => incarnation === node.incarnation);
    if (!known || hasAddresses(known, node)) return;
    this.#tasks.begin('address', () => this.#controller.command({ kind: 'add-node', node }));
  }
}
