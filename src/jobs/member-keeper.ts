import type { ClusterMap, GroupId, GroupRecord } from '../controller/index.ts';
import type { ControllerClient } from '../router/index.ts';
import type { Means } from './means.ts';
import { Tasks } from './tasks.ts';

/** Where groups are led, the controller's own included. */
export interface LocalMembers {
  readonly map: ClusterMap;
  /** The groups that this node leads, with their voters and the plan that these follow, as soon as no change is under way. */
  settled(): Iterable<{
    readonly id: GroupId;
    readonly members: readonly number[];
    readonly plan: number;
  }>;
  /** The members in quarantine of the groups that this node leads. */
  quarantined(): Iterable<{ readonly group: GroupId; readonly replica: number }>;
}

/**
 * Tells the controller of groups that have the members that it wants, so that those that left may go, and of members that count for
 * nothing any more, so that they begin anew.
 */
export class MemberKeeper {
  readonly #groups: LocalMembers;
  readonly #controller: ControllerClient;
  readonly #tasks: Tasks<GroupId | 'renewals'>;

  constructor(groups: LocalMembers, means: Pick<Means, 'controller' | 'fatal'>) {
    this.#groups = groups;
    this.#controller = means.controller;
    this.#tasks = new Tasks(means);
  }

  /** To be called when the map has changed, and now and then. */
  run(): void {
    this.#settle();
    const replicas = [...this.#groups.quarantined()].filter(({ group, replica }) =>
      this.#groups.map.groups
        .find(({ id }) => id === group)
        ?.replicas.some((record) => record.replica === replica),
    );
    if (replicas.length === 0) return;
    // All in one: a node may have lost thousands.
    this.#tasks.begin('renewals', () =>
      this.#controller.command({ kind: 'renew-replicas', replicas }),
    );
  }

  #settle(): void {
    const records = new Map<GroupId, GroupRecord>();
    for (const group of this.#groups.map.groups) if (group.changing) records.set(group.id, group);
    if (records.size === 0) return;
    for (const { id, members, plan } of this.#groups.settled()) {
      const record = records.get(id);
      if (record?.plan !== plan) continue;
      const isWanted = record.replicas.every(({ replica }) => members.includes(replica));
      if (!isWanted || members.length !== record.replicas.length) continue;
      const command = { kind: 'members-settled', group: id, plan, replicas: members } as const;
      this.#tasks.begin(id, () => this.#controller.command(command));
    }
  }
}
