import type { ShardId } from '../controller/index.ts';
import { type PaceLimits, paceOf } from '../engine/index.ts';
import type { Buggify, Clock } from '../ports/index.ts';
import { type DataCommand, encodeCommand } from '../store/index.ts';
import type { LedGroup } from './led-groups.ts';

/** Items that one entry of the log deletes, or counts for a split: some milliseconds of applying. */
const STEP_KEYS = 500;
/** Steps of a large shard are many, nobody waits for them, and everybody shares the disk with them. Counted in keys. */
const STEPS: PaceLimits = { perSecond: 40_000, share: 0.25, slowestPerSecond: 2_500 };

/** Work on a whole shard that takes many entries of its group's log, each of which goes on where the one before ended. */
export class ShardSteps {
  readonly #clock: Clock;
  readonly #buggify: Buggify;

  constructor({ clock, buggify }: { readonly clock: Clock; readonly buggify: Buggify }) {
    this.#clock = clock;
    this.#buggify = buggify;
  }

  /** Until the group does not hold the shard under this epoch any more. False: it was lost or refused before that. */
  async take(
    group: LedGroup,
    { shard, epoch }: { readonly shard: ShardId; readonly epoch: number },
    command: (keys: number) => DataCommand,
  ): Promise<boolean> {
    const pace = paceOf(this.#clock, STEPS);
    while (group.shard(shard)?.epoch === epoch) {
      const keys = this.#buggify('jobs: a small step') ? 1 : STEP_KEYS;
      if (!(await group.propose(encodeCommand(command(keys))))) return false;
      if (group.shard(shard)?.epoch === epoch) await pace(keys);
    }
    return true;
  }

  /** Deletes all that the group has of the shard, and the shard. `config`: the number of the map by which it goes. */
  async purge(group: LedGroup, shard: ShardId, epoch: number, config: number): Promise<boolean> {
    const range = { shard, epoch };
    const command = (keys: number) => ({ kind: 'purge-shard', ...range, config, keys }) as const;
    return (await this.take(group, range, command)) && !group.shard(shard);
  }
}
