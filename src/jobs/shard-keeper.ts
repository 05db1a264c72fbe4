import {
  type GroupId,
  type ShardId,
  type ShardRecord,
  successors,
  type Table,
} from '../controller/index.ts';
import type { ControllerClient } from '../router/index.ts';
import { type DataCommand, encodeCommand } from '../store/index.ts';
import type { LedGroup, LocalGroups } from './led-groups.ts';
import type { Means } from './means.ts';
import { ShardSteps } from './shard-steps.ts';
import { Tasks } from './tasks.ts';

/**
 * Makes the groups hold the shards that the map gives them and no others: installs those of new tables, splits and merges, empties
 * those of deleted tables and those that have moved on, and tells the controller of what it waits for.
 */
export class ShardKeeper {
  readonly #groups: LocalGroups;
  readonly #controller: ControllerClient;
  readonly #steps: ShardSteps;
  /** Shards that are being worked on. */
  readonly #tasks: Tasks<ShardId>;

  constructor(
    groups: LocalGroups,
    means: Pick<Means, 'controller' | 'clock' | 'buggify' | 'fatal'>,
  ) {
    this.#groups = groups;
    this.#controller = means.controller;
    this.#steps = new ShardSteps(means);
    this.#tasks = new Tasks(means);
  }

  /** To be called when the map has changed, and now and then, since leadership changes too. */
  run(): void {
    const { number, tables } = this.#groups.map;
    if (number === 0) return;
    const led = new Map<GroupId, LedGroup>();
    for (const group of this.#groups.led()) led.set(group.id, group);
    if (led.size === 0) return;
    const records = new Map<ShardId, ShardRecord>();
    // Once all is done that is under way.
    const upcoming = new Map<ShardId, ShardRecord>();
    for (const table of tables) {
      for (const record of table.shards) {
        records.set(record.id, record);
        const group = led.get(record.group);
        if (group) this.#keep(group, table, record);
      }
      for (const record of successors(table.shards)) upcoming.set(record.id, record);
    }
    for (const group of led.values()) {
      for (const { id, epoch } of group.shards()) {
        const given = [records.get(id), upcoming.get(id)];
        if (given.some((record) => record?.group === group.id && record.epoch === epoch)) continue;
        this.#work(id, () => this.#purge(group, id, epoch));
      }
    }
  }

  #keep(group: LedGroup, table: Table, record: ShardRecord): void {
    if (table.status === 'DELETING') this.#work(record.id, () => this.#empty(group, record));
    else if (record.state === 'creating') {
      this.#work(record.id, () => this.#install(group, table, record));
    } else if (record.becomes) this.#work(record.id, () => this.#reshape(group, table, record));
  }

  #work(shard: ShardId, work: () => Promise<unknown>): void {
    this.#tasks.begin(shard, work);
  }

  async #install(group: LedGroup, table: Table, record: ShardRecord): Promise<void> {
    const { id: shard, epoch, hashStart, hashEnd } = record;
    if (!group.shard(shard)) {
      const config = this.#groups.map.number;
      const range = { table: table.id, hashStart, hashEnd };
      const command = { kind: 'install-shard', shard, epoch, config, ...range } as const;
      if (!(await group.propose(encodeCommand(command)))) return;
    }
    if (group.shard(shard)?.epoch !== epoch) return;
    await this.#controller.command({ kind: 'shard-serving', shard, epoch });
  }

  /** Of two shards that merge, one does it, or both: the second time comes to nothing. */
  async #reshape(group: LedGroup, table: Table, record: ShardRecord): Promise<void> {
    const { id: shard, epoch } = record;
    const command = (keys: number) => this.#reshaping(table, record, keys);
    if (!(await this.#steps.reshape(group, { shard, epoch }, command))) return;
    const made = successors(table.shards).filter(({ parents }) => parents.includes(shard));
    if (made.some(({ id }) => !group.shard(id))) return;
    await this.#controller.command({ kind: 'shard-reshaped', shard, epoch });
  }

  #reshaping(
    table: Table,
    { id: shard, epoch, hashStart, becomes }: ShardRecord,
    keys: number,
  ): DataCommand {
    const { number: config } = this.#groups.map;
    if (becomes?.kind === 'split') {
      const { at, into } = becomes;
      return { kind: 'split-shard', shard, epoch, at, into, keys, config };
    }
    const other = table.shards.find(({ id }) => id === becomes?.other);
    if (!becomes || !other) throw new Error(`shard ${shard} is to become nothing`);
    const [own, others] = [
      { shard, epoch },
      { shard: other.id, epoch: other.epoch },
    ];
    const from = hashStart < other.hashStart ? ([own, others] as const) : ([others, own] as const);
    return { kind: 'merge-shards', from, into: becomes.into, config };
  }

  async #empty(group: LedGroup, { id: shard, epoch }: ShardRecord): Promise<void> {
    if (!(await this.#purge(group, shard, epoch))) return;
    await this.#controller.command({ kind: 'shard-gone', shard });
  }

  #purge(group: LedGroup, shard: ShardId, epoch: number): Promise<boolean> {
    return this.#steps.purge(group, shard, epoch, this.#groups.map.number);
  }
}
