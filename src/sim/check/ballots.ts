import { type Config, majority, type ReplicaId, type Term } from '../../raft/index.ts';

/** Who granted a vote to whom, by term. */
export class Ballots {
  readonly #voters = new Map<Term, Map<ReplicaId, Set<ReplicaId>>>();

  grant(term: Term, candidate: ReplicaId, voter: ReplicaId): void {
    const candidates = this.#voters.get(term) ?? new Map<ReplicaId, Set<ReplicaId>>();
    this.#voters.set(term, candidates);
    const voters = candidates.get(candidate) ?? new Set();
    candidates.set(candidate, voters.add(voter));
  }

  /** Of each of the configurations that the candidate goes by, if there are two (R7), it needs a majority. What it lacks, in words. */
  lacks({ incoming, outgoing }: Config, term: Term, candidate: ReplicaId): string | undefined {
    const granted = new Set(this.#voters.get(term)?.get(candidate)).add(candidate);
    for (const voters of [incoming, outgoing]) {
      const count = voters.filter(({ id }) => granted.has(id)).length;
      if (voters.length === 0 || count >= majority(voters)) continue;
      return `${[...granted]} of ${voters.map(({ id }) => id)}`;
    }
    return undefined;
  }
}
