import { canSplit, heavinessOf, type ShardId, type Thresholds } from '../controller/index.ts';
import type { Clock } from '../ports/index.ts';
import type { ControllerClient } from '../router/index.ts';
import type { LedGroup, LocalGroups } from './led-groups.ts';
import type { Means } from './means.ts';
import { Tasks } from './tasks.ts';

/** Where a shard cannot be split, that is tried again after this. Milliseconds. */
const AGAIN_MS = 10 * 60_000;

/**
 * Has shards of the groups that this node leads divided where they have become large, and where they have had much to do for a while:
 * in the middle of what they have.
 */
export class ShardSplitter {
  readonly #groups: LocalGroups;
  readonly #controller: ControllerClient;
  readonly #clock: Clock;
  readonly #thresholds: Thresholds;
  /** When those that should be split are split, on the monotonic clock. */
  #dueAt = new Map<ShardId, number>();
  readonly #tasks: Tasks<'split'>;

  constructor(
    groups: LocalGroups,
    means: Pick<Means, 'controller' | 'clock' | 'thresholds' | 'fatal'>,
  ) {
    this.#groups = groups;
    this.#controller = means.controller;
    this.#clock = means.clock;
    this.#thresholds = means.thresholds;
    this.#tasks = new Tasks(means);
  }

  /** To be called now and then. */
  run(): void {
    const due = this.#findDue();
    // One after the other, since to find the middle takes reading half of it.
    if (due) this.#tasks.begin('split', () => this.#split(...due));
  }

  #findDue(): [LedGroup, ShardId] | undefined {
    const { map } = this.#groups;
    const now = this.#clock.monotonic();
    const before = this.#dueAt;
    this.#dueAt = new Map();
    let due: [LedGroup, ShardId] | undefined;
    for (const group of this.#groups.led()) {
      for (const { id, bytes, state } of group.shards()) {
        if (state !== 'serving') continue;
        const heaviness = heavinessOf({ bytes, perSecond: group.perSecond(id) }, this.#thresholds);
        if (!heaviness) continue;
        const waitMs = heaviness === 'large' ? 0 : this.#thresholds.splitAfterMs;
        const dueAt = before.get(id) ?? now + waitMs;
        this.#dueAt.set(id, dueAt);
        if (now >= dueAt && canSplit(map, id, heaviness)) due ??= [group, id];
      }
    }
    return due;
  }

  async #split(group: LedGroup, shard: ShardId): Promise<void> {
    const at = await group.middle(shard);
    if (at !== undefined) {
      const outcome = await this.#controller.command({ kind: 'split-shard', shard, at });
      if (outcome?.kind === 'done') return;
    }
    // It is all of one partition, or the controller has other plans with it.
    this.#dueAt.set(shard, this.#clock.monotonic() + AGAIN_MS);
  }
}
