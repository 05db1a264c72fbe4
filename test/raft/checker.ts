import { type Entry, quorumValue, type ReplicaId } from '../../src/raft/index.ts';
import { holds, type SimReplica } from './harness.ts';

interface Seen {
  life: number;
  term: number;
  role: string;
  commit: number;
  lastIndex: number;
}

/**
 * Watches a group from above and never steers it: after every event it compares all replicas and disks with what was
 * true before. Each violation names the rule.
 */
export class Checker {
  readonly #replicas: readonly SimReplica[];
  readonly #leaderOf = new Map<number, ReplicaId>();
  /** Committed entries by index, and the term in which each was committed. */
  readonly #committed: (Entry | undefined)[] = [undefined];
  readonly #committedInTerm: number[] = [0];
  readonly #stateHashes = new Map<number, number>();
  readonly #seen = new Map<ReplicaId, Seen>();
  readonly #votes = new Map<string, ReplicaId>();
  readonly #reads = new Map<number, number>();
  confirmedReads = 0;

  constructor(replicas: readonly SimReplica[]) {
    this.#replicas = replicas;
  }

  get committedIndex(): number {
    return this.#committed.length - 1;
  }

  /** A read begins: whatever is committed now must be in its answer. */
  readAsked(context: number): void {
    this.#reads.set(context, this.committedIndex);
  }

  check(): void {
    for (const replica of this.#replicas) {
      this.#checkDisk(replica);
      if (!replica.alive) continue;
      this.#checkLeader(replica);
      this.#checkCommit(replica);
      this.#checkState(replica);
      this.#checkReads(replica);
      const { raft } = replica;
      this.#seen.set(replica.id, {
        life: replica.life,
        term: raft.term,
        role: raft.role,
        commit: raft.commit,
        lastIndex: raft.lastIndex,
      });
    }
    this.#checkLogMatching();
  }

  #seenThisLife(replica: SimReplica): Seen | undefined {
    const seen = this.#seen.get(replica.id);
    return seen?.life === replica.life ? seen : undefined;
  }

  // Terms on disk never fall, and a vote once written is never another one (G3).
  #checkDisk({ id, disk }: SimReplica): void {
    const { term, vote } = disk.hardState;
    if (vote !== 0) {
      const key = `${id}/${term}`;
      const before = this.#votes.get(key);
      if (before !== undefined && before !== vote) {
        throw new Error(`[G3] ${id} voted for ${before} and ${vote} in term ${term}`);
      }
      this.#votes.set(key, vote);
    }
  }

  #checkLeader(replica: SimReplica): void {
    const { raft, id } = replica;
    if (raft.role !== 'leader') return;
    const leader = this.#leaderOf.get(raft.term);
    if (leader !== undefined && leader !== id) {
      throw new Error(`[R2] election safety: ${leader} and ${id} lead in term ${raft.term}`);
    }
    const seen = this.#seenThisLife(replica);
    if (seen?.role === 'leader' && seen.term === raft.term) {
      if (raft.lastIndex < seen.lastIndex) {
        throw new Error(
          `[R2] leader ${id} removed entries: ${seen.lastIndex} -> ${raft.lastIndex}`,
        );
      }
      return;
    }
    this.#leaderOf.set(raft.term, id);
    const votes = quorumValue(raft.config, (voter) => {
      const { hardState } = this.#replica(voter).disk;
      if (hardState.term === raft.term) return hardState.vote === id ? 1 : 0;
      return hardState.term > raft.term ? 1 : 0;
    });
    if (votes === 0) throw new Error(`[R1] ${id} leads term ${raft.term} without durable votes`);
    for (let index = raft.firstIndex; index <= this.committedIndex; index++) {
      if ((this.#committedInTerm[index] as number) >= raft.term) continue;
      if (raft.termAt(index) !== this.#committed[index]?.term) {
        throw new Error(`[R2] leader completeness: ${id} in term ${raft.term} lacks ${index}`);
      }
    }
  }

  #checkCommit(replica: SimReplica): void {
    const { raft, id } = replica;
    const seen = this.#seenThisLife(replica);
    if (seen !== undefined && raft.commit < seen.commit) {
      throw new Error(`[R2] commit of ${id} fell: ${seen.commit} -> ${raft.commit}`);
    }
    if (seen !== undefined && raft.term < seen.term) {
      throw new Error(`[R2] term of ${id} fell: ${seen.term} -> ${raft.term}`);
    }
    if (seen?.role === 'leader' && raft.role === 'leader' && raft.commit > seen.commit) {
      const term = raft.termAt(raft.commit);
      if (raft.term === seen.term && term !== raft.term) {
        throw new Error(`[G2] ${id} in term ${raft.term} commits ${raft.commit} of term ${term}`);
      }
    }
    const from = Math.max(raft.firstIndex, (seen?.commit ?? 0) + 1);
    if (from > raft.commit) return;
    for (const entry of raft.entriesBetween(from, raft.commit + 1)) {
      this.#checkCommitted(replica, entry);
    }
  }

  #checkCommitted({ raft, id }: SimReplica, entry: Entry): void {
    const { index, term } = entry;
    const known = this.#committed[index];
    if (known !== undefined) {
      if (known.term !== term || !equal(known.data, entry.data)) {
        throw new Error(`[R2] ${id} commits ${index} of term ${term}, committed was ${known.term}`);
      }
      return;
    }
    if (index !== this.#committed.length) throw new Error(`commit skips to ${index}`);
    const durable = quorumValue(raft.config, (voter) =>
      holds(this.#replica(voter).disk, index, term) ? 1 : 0,
    );
    if (durable === 0) throw new Error(`[R1] ${id} commits ${index}, which no quorum has on disk`);
    this.#committed.push(entry);
    this.#committedInTerm.push(raft.term);
  }

  #checkState({ id, state, raft }: SimReplica): void {
    const known = this.#stateHashes.get(state.index);
    if (known !== undefined && known !== state.hash) {
      throw new Error(`[R2] state machine safety: ${id} differs at ${state.index}`);
    }
    this.#stateHashes.set(state.index, state.hash);
    if (state.index > raft.commit) throw new Error(`${id} applied ${state.index} uncommitted`);
  }

  #checkReads(replica: SimReplica): void {
    for (const read of replica.reads.splice(0)) {
      const least = this.#reads.get(read.context);
      if (least === undefined || read.rejected) continue;
      this.confirmedReads++;
      if (read.index < least) {
        throw new Error(
          `[R6] stale read at ${replica.id}: index ${read.index}, committed ${least}`,
        );
      }
    }
  }

  #checkLogMatching(): void {
    const alive = this.#replicas.filter((replica) => replica.alive);
    for (let i = 0; i < alive.length; i++) {
      for (let j = i + 1; j < alive.length; j++) {
        checkPair(alive[i] as SimReplica, alive[j] as SimReplica);
      }
    }
  }

  #replica(id: ReplicaId): SimReplica {
    const replica = this.#replicas.find((candidate) => candidate.id === id);
    if (replica === undefined) throw new Error(`no replica ${id}`);
    return replica;
  }
}

// Log matching: equal index and term means equal entries, there and everywhere before.
function checkPair(a: SimReplica, b: SimReplica): void {
  const first = Math.max(a.raft.firstIndex, b.raft.firstIndex);
  let index = Math.min(a.raft.lastIndex, b.raft.lastIndex);
  while (index >= first && a.raft.termAt(index) !== b.raft.termAt(index)) index--;
  if (index < first) return;
  const left = a.raft.entriesBetween(first, index + 1);
  const right = b.raft.entriesBetween(first, index + 1);
  for (let i = left.length - 1; i >= 0; i--) {
    const x = left[i] as Entry;
    const y = right[i] as Entry;
    if (x.term !== y.term || !equal(x.data, y.data)) {
      throw new Error(`[R2] log matching: ${a.id} and ${b.id} differ at ${x.index}`);
    }
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
