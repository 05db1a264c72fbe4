import {
  type ClusterMap,
  type ControllerCommand,
  coldPairs,
  eveningMove,
  isAtRest,
  mergingOf,
  type Thresholds,
  type Weights,
} from '../controller/index.ts';
import type { Clock } from '../ports/index.ts';
import type { ControllerClient } from '../router/index.ts';
import type { Means } from './means.ts';
import { Tasks } from './tasks.ts';

/** How often it looks. Milliseconds. */
const LOOK_MS = 10_000;

export interface LocalController {
  readonly map: ClusterMap;
  /** This node leads the controller's group. */
  readonly leadsController: boolean;
  /** Of all shards whose leaders answered. */
  weights(): Promise<Weights>;
}

/**
 * At the controller's leader: moves shards from groups that have much to bear to those that have little, and has neighbours merged that
 * were small and idle for long. One thing at a time, and only while nothing else is under way.
 */
export class ShardBalancer {
  readonly #node: LocalController;
  readonly #controller: ControllerClient;
  readonly #clock: Clock;
  readonly #thresholds: Thresholds;
  /** By the ids of two neighbours: since when they could be one. */
  #coldSince = new Map<string, number>();
  #looksAt = 0;
  readonly #tasks: Tasks<'look'>;

  constructor(
    node: LocalController,
    means: Pick<Means, 'controller' | 'clock' | 'thresholds' | 'fatal'>,
  ) {
    this.#node = node;
    this.#controller = means.controller;
    this.#clock = means.clock;
    this.#thresholds = means.thresholds;
    this.#tasks = new Tasks(means);
  }

  /** To be called now and then. */
  run(): void {
    const now = this.#clock.monotonic();
    if (!this.#node.leadsController) {
      this.#coldSince.clear();
      return;
    }
    if (now < this.#looksAt) return;
    this.#looksAt = now + LOOK_MS;
    this.#tasks.begin('look', () => this.#look());
  }

  async #look(): Promise<void> {
    if (!isAtRest(this.#node.map)) return;
    const weights = await this.#node.weights();
    const { map } = this.#node;
    const now = this.#clock.monotonic();
    const command = this.#merging(map, weights, now) ?? eveningMove(map, weights, this.#thresholds);
    if (command && isAtRest(map)) await this.#controller.command(command);
  }

  #merging(map: ClusterMap, weights: Weights, now: number): ControllerCommand | undefined {
    const before = this.#coldSince;
    this.#coldSince = new Map();
    let command: ControllerCommand | undefined;
    for (const [lower, upper] of coldPairs(map, weights, this.#thresholds)) {
      const name = `${lower.id} ${upper.id}`;
      const since = before.get(name) ?? now;
      this.#coldSince.set(name, since);
      if (now - since >= this.#thresholds.mergeAfterMs) command ??= mergingOf(lower, upper);
    }
    return command;
  }
}
