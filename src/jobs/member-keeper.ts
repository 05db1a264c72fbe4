import type { ClusterMap, GroupId, GroupRecord } from '../controller/index.ts';
import type { ControllerClient } from '../router/index.ts';

/** Where groups are led, the controller's own included. */
export interface LocalMembers {
  readonly map: ClusterMap;
  /** The groups that this node leads, with their voters and the plan that these follow, as soon as no change is under way. */
  settled(): Iterable<{
    readonly id: GroupId;
    readonly members: readonly number[];
    readonly plan: number;
  }>;
}

/** Tells the controller of groups that have the members that it wants: those that left may go then. */
export class MemberKeeper {
  readonly #groups: LocalMembers;
  readonly #controller: ControllerClient;
  readonly #busy = new Set<GroupId>();

  constructor(groups: LocalMembers, controller: ControllerClient) {
    this.#groups = groups;
    this.#controller = controller;
  }

  /** To be called when the map has changed, and now and then. Never rejects. */
  run(): void {
    const records = new Map<GroupId, GroupRecord>();
    for (const group of this.#groups.map.groups) if (group.changing) records.set(group.id, group);
    if (records.size === 0) return;
    for (const { id, members, plan } of this.#groups.settled()) {
      const record = records.get(id);
      if (record?.plan !== plan || this.#busy.has(id)) continue;
      const isWanted = record.replicas.every(({ replica }) => members.includes(replica));
      if (!isWanted || members.length !== record.replicas.length) continue;
      this.#busy.add(id);
      const command = { kind: 'members-settled', group: id, plan, replicas: members } as const;
      void this.#controller.command(command).finally(() => this.#busy.delete(id));
    }
  }
}
