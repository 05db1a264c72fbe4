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
    for (const { id, settledMembers } of this.#groups.led()) {
      const record = this.#groups.map.groups.find((group) => group.id === id);
      if (!settledMembers || !record || record.leaving.length === 0 || this.#busy.has(id)) continue;
      const isWanted = record.replicas.every(({ replica }) => settledMembers.includes(replica));
      if (!isWanted || settledMembers.length !== record.replicas.length) continue;
      this.#busy.add(id);
      const command = { kind: 'members-settled', group: id, replicas: settledMembers } as const;
      void this.#controller.command(command).finally(() => this.#busy.delete(id));
    }
  }
}
