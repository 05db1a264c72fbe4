import type { GroupId } from '../controller/index.ts';
import type { ControllerClient } from '../router/index.ts';
import type { LocalGroups } from './shard-keeper.ts';

/** Tells the controller of groups that have the members that it wants: those that left may go then. */
export class MemberKeeper {
  readonly #groups: LocalGroups;
  readonly #controller: ControllerClient;
  readonly #busy = new Set<GroupId>();

  constructor(groups: LocalGroups, controller: ControllerClient) {
    this.#groups = groups;
    this.#controller = controller;
  }

  /** To be called when the map has changed, and now and then. Never rejects. */
  run(): void {
    const moving = this.#groups.map.groups.filter(({ leaving }) => leaving.length > 0);
    if (moving.length === 0) return;
    const records = new Map(moving.map((record) => [record.id, record]));
    for (const group of this.#groups.led()) {
      const { id } = group;
      const record = records.get(id);
      if (!record || this.#busy.has(id)) continue;
      const { settledMembers } = group;
      if (!settledMembers) continue;
      const isWanted = record.replicas.every(({ replica }) => settledMembers.includes(replica));
      if (!isWanted || settledMembers.length !== record.replicas.length) continue;
      this.#busy.add(id);
      const command = { kind: 'members-settled', group: id, replicas: settledMembers } as const;
      void this.#controller.command(command).finally(() => this.#busy.delete(id));
    }
  }
}
