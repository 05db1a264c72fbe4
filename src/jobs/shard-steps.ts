import type { ShardId } from '../controller/index.ts';
import { type PaceLimits, paceOf } from '../engine/index.ts';
import type { Buggify, Clock } from '../ports/index.ts';
import { type DataCommand, encodeCommand } from '../store/index.ts';
import type { LedGroup } from './led-groups.ts';

const MIB = 1024 * 1024;
/** What one entry of the log deletes, or counts for a split: some milliseconds of applying. Large items are large reads. */
const STEP_BYTES = MIB / 4;
const STEP_KEYS = 500;
/** What an item costs however short it is, in bytes. */
const ITEM_BYTES = 100;
/** Nobody waits until what is left of a shard is deleted, and everybody shares the disk: no faster than it was copied. */
const PURGE: PaceLimits = {
  perSecond: 16 * MIB,
  share: 0.25,
  slowestPerSecond: MIB,
};
/** A shard that is to be split goes on growing until its items are counted. */
const RESHAPE: PaceLimits = {
  perSecond: 64 * MIB,
  share: 0.25,
  slowestPerSecond: 4 * MIB,
};

interface ShardEpoch {
  readonly shard: ShardId;
  readonly epoch: number;
}

/** Work on a whole shard that takes many entries of its group's log, each of which goes on where the one before ended. */
export class ShardSteps {
  readonly #clock: Clock;
  readonly #buggify: Buggify;

  constructor({ clock, buggify }: { readonly clock: Clock; readonly buggify: Buggify }) {
    this.#clock = clock;
    this.#buggify = buggify;
  }

  /** Splits or merges it: true when the group does not hold the shard under this epoch any more. False: lost or refused. */
  reshape(
    group: LedGroup,
    shard: ShardEpoch,
    command: (keys: number) => DataCommand,
  ): Promise<boolean> {
    return this.#take(group, shard, RESHAPE, command);
  }

  /** Deletes all that the group has of the shard, and the shard. `config`: the number of the map by which it goes. */
  async purge(group: LedGroup, shard: ShardId, epoch: number, config: number): Promise<boolean> {
    const range = { shard, epoch };
    const command = (keys: number) => ({ kind: 'purge-shard', ...range, config, keys }) as const;
    return (await this.#take(group, range, PURGE, command)) && !group.shard(shard);
  }

  async #take(
    group: LedGroup,
    { shard: id, epoch }: ShardEpoch,
    limits: PaceLimits,
    command: (keys: number) => DataCommand,
  ): Promise<boolean> {
    const held = () => {
      const shard = group.shard(id);
      return shard?.epoch === epoch ? shard : undefined;
    };
    const pace = paceOf(this.#clock, limits);
    for (let shard = held(); shard; shard = held()) {
      const itemBytes = ITEM_BYTES + shard.bytes / Math.max(shard.items, 1);
      const keys = this.#keys(itemBytes);
      if (!(await group.propose(encodeCommand(command(keys))))) return false;
      if (held()) await pace(keys * itemBytes);
    }
    return true;
  }

  #keys(itemBytes: number): number {
    if (this.#buggify('jobs: a small step')) return 1;
    return Math.min(Math.max(Math.floor(STEP_BYTES / itemBytes), 1), STEP_KEYS);
  }
}
