import { CONTROLLER_GROUP, type GroupId, type NodeName } from '../controller/index.ts';
import type { Clock } from '../ports/index.ts';
import type { ReplicaId } from '../raft/index.ts';
import type { StateDigest } from '../store/index.ts';
import type { Replicas } from './replicas.ts';

/** How often a leader compares, at most. Milliseconds. */
const INTERVAL_MS = 3_000;

/** A replica whose state is not that of the majority. */
export interface Difference {
  readonly group: GroupId;
  readonly replica: ReplicaId;
  readonly index: number;
  readonly digest: string;
  /** Of the majority. */
  readonly expected: string;
}

export interface StateComparisonOptions {
  readonly self: NodeName;
  readonly replicas: Replicas;
  readonly clock: Clock;
  /** The digests of a node's replica; undefined when it does not answer. */
  readonly ask: (node: NodeName, group: GroupId) => Promise<readonly StateDigest[] | undefined>;
  /** Tells the node that holds the replica, this one included. */
  readonly tell: (node: NodeName, difference: Difference) => void;
}

/**
 * Finds replicas that went apart (S3): every few seconds the leader of a group asks the others for the digests of their states
 * and compares them at equal entries. A minority that differs is told so, the leader itself included.
 */
export class StateComparison {
  readonly #options: StateComparisonOptions;
  /** Of each group: the entry at which all replicas were last found equal. Nothing new can be wrong before another. */
  readonly #equalAt = new Map<GroupId, number>();
  #nextAt = 0;

  constructor(options: StateComparisonOptions) {
    this.#options = options;
  }

  /** Called often. */
  tick(): void {
    const now = this.#options.clock.monotonic();
    if (now < this.#nextAt) return;
    this.#nextAt = now + INTERVAL_MS;
    for (const { replica, machine } of this.#options.replicas.allData()) {
      // Groups that sleep were compared before, or have nothing to compare.
      if ((this.#equalAt.get(replica.group) ?? 0) === machine.commandIndex) continue;
      if (replica.isCurrent && replica.hasPeers) void this.#compare(replica.group);
    }
  }

  async #compare(group: GroupId): Promise<void> {
    const { replicas, self, ask, tell } = this.#options;
    const members = replicas.members(group);
    const own = this.digestsOf(group);
    const now = own.at(-1)?.index;
    if (now === undefined || this.#equalAt.get(group) === now) return;
    const said = new Map<ReplicaId, readonly StateDigest[]>();
    await Promise.all(
      members.map(async (replica) => {
        const node = replicas.nodeOf(group, replica);
        if (node === undefined) return;
        const digests = node === self ? own : await ask(node, group);
        if (digests) said.set(replica, digests);
      }),
    );
    if (replicas.data(group)?.replica.isClosed) return;
    // What was applied while the others answered is theirs to be compared with, too.
    const mine = replicas.replicaOn(group, self);
    if (mine !== undefined) said.set(mine, [...own, ...this.digestsOf(group)]);
    const differences = compareDigests(group, said, members.length);
    for (const difference of differences) {
      const node = replicas.nodeOf(group, difference.replica);
      if (node !== undefined) tell(node, difference);
    }
    const isEqual = [...said.values()].every((digests) =>
      digests.some(({ index }) => index === now),
    );
    if (said.size === members.length && isEqual && differences.length === 0) {
      this.#equalAt.set(group, now);
    }
  }

  /** Of this node's replica: those of the last half minute, and the one of now. */
  digestsOf(group: GroupId): readonly StateDigest[] {
    if (group === CONTROLLER_GROUP) return [];
    const held = this.#options.replicas.data(group);
    if (!held || held.replica.isClosed) return [];
    return [...held.machine.digests, held.machine.digest()];
  }
}

/** Who differs from what more than half of the `size` replicas say, each at the last entry at which that shows. */
export function compareDigests(
  group: GroupId,
  said: ReadonlyMap<ReplicaId, readonly StateDigest[]>,
  size: number,
): readonly Difference[] {
  const byIndex = new Map<number, Map<ReplicaId, string>>();
  for (const [replica, digests] of said) {
    for (const { index, digest } of digests) {
      const there = byIndex.get(index) ?? new Map<ReplicaId, string>();
      byIndex.set(index, there.set(replica, digest));
    }
  }
  const differences = new Map<ReplicaId, Difference>();
  for (const index of [...byIndex.keys()].sort((a, b) => b - a)) {
    const there = byIndex.get(index) as Map<ReplicaId, string>;
    const expected = majorityOf(there, size);
    if (expected === undefined) continue;
    for (const [replica, digest] of there) {
      const isOther = digest !== expected && versionOf(digest) === versionOf(expected);
      if (!isOther || differences.has(replica)) continue;
      differences.set(replica, { group, replica, index, digest, expected });
    }
  }
  return [...differences.values()];
}

function majorityOf(said: ReadonlyMap<ReplicaId, string>, size: number): string | undefined {
  const counts = new Map<string, number>();
  for (const digest of said.values()) {
    const count = 1 + (counts.get(digest) ?? 0);
    if (2 * count > size) return digest;
    counts.set(digest, count);
  }
  return undefined;
}

/** Nodes of different versions may make different digests of equal states. */
function versionOf(digest: string): string {
  return digest.slice(0, digest.indexOf(':'));
}
