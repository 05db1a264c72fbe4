import type { ClusterMap, GroupId, ShardId, ShardRecord, Table } from '../controller/index.ts';
import type { ControllerClient } from '../router/index.ts';
import { encodeCommand, type Shard } from '../store/index.ts';

/** Items that one entry of the log deletes: some milliseconds of applying. */
const PURGE_KEYS = 500;

/** A data group that this node leads, with everything of earlier terms applied. */
export interface LedGroup {
  readonly id: GroupId;
  /** A shard that the group holds. */
  shard(id: ShardId): Readonly<Shard> | undefined;
  /** Resolves when the command was applied, or with false when it was lost. */
  propose(command: Uint8Array): Promise<boolean>;
}

export interface LocalGroups {
  readonly map: ClusterMap;
  led(): Iterable<LedGroup>;
}

/**
 * Makes the groups hold the shards that the map gives them: installs those of new tables and empties those of deleted
 * ones, and tells the controller of each.
 */
export class ShardKeeper {
  readonly #groups: LocalGroups;
  readonly #controller: ControllerClient;
  /** Shards that are being worked on. */
  readonly #busy = new Set<ShardId>();

  constructor(groups: LocalGroups, controller: ControllerClient) {
    this.#groups = groups;
    this.#controller = controller;
  }

  /** To be called when the map has changed, and now and then, since leadership changes too. Never rejects. */
  run(): void {
    for (const group of this.#groups.led()) {
      for (const table of this.#groups.map.tables) {
        for (const shard of table.shards) {
          if (shard.group === group.id) this.#keep(group, table, shard);
        }
      }
    }
  }

  #keep(group: LedGroup, table: Table, record: ShardRecord): void {
    if (this.#busy.has(record.id)) return;
    const held = group.shard(record.id);
    if (table.status === 'DELETING') this.#work(record, () => this.#empty(group, record));
    else if (!held || record.state === 'creating') {
      this.#work(record, () => this.#install(group, table, record));
    }
  }

  #work(record: ShardRecord, work: () => Promise<void>): void {
    this.#busy.add(record.id);
    void work().finally(() => this.#busy.delete(record.id));
  }

  async #install(group: LedGroup, table: Table, record: ShardRecord): Promise<void> {
    const { id: shard, epoch, hashStart, hashEnd } = record;
    if (!group.shard(shard)) {
      const applied = await group.propose(
        encodeCommand({ kind: 'install-shard', shard, table: table.id, epoch, hashStart, hashEnd }),
      );
      if (!applied) return;
    }
    await this.#controller.command({ kind: 'shard-serving', shard, epoch });
  }

  async #empty(group: LedGroup, { id: shard }: ShardRecord): Promise<void> {
    while (group.shard(shard)) {
      const command = encodeCommand({ kind: 'purge-shard', shard, keys: PURGE_KEYS });
      if (!(await group.propose(command))) return;
    }
    await this.#controller.command({ kind: 'shard-gone', shard });
  }
}
