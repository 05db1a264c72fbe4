import { hash32, utf8Text } from '../../bytes/index.ts';
import {
  type Config,
  type Entry,
  type Message,
  majority,
  type RaftView,
  type Role,
} from '../../raft/index.ts';
import { Ballots } from './ballots.ts';

/** A promise of Raft was broken: the rule, who, and the values. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError';
}

/** What is known of an entry with some index and term, wherever it was seen. */
interface Known {
  readonly term: number;
  readonly previousTerm: number | undefined;
  readonly hash: number;
}

/** A replica as of the last look. */
interface Seen {
  readonly view: RaftView;
  readonly life: number;
  role: Role;
  term: number;
  transferTo: number;
  commit: number;
  lastIndex: number;
  lastTerm: number | undefined;
  /** The term of the last durable entry, or of an election won. */
  durableTerm: number;
  /** By index; 0 where it is not known. */
  readonly terms: number[];
}

/**
 * Watches all replicas of one group, at every event, and remembers what they ever agreed on (R2, Raft paper figure 3):
 *
 * - election safety: at most one leader in a term, ever, and a majority has voted for it in that term;
 * - who stands by itself has a majority's pre-votes (G8);
 * - who hands over takes no proposals (G9);
 * - log matching: entries with equal index and term are equal, and so are the ones before them;
 * - leader completeness: a new leader has everything that was committed in earlier terms;
 * - a leader commits by counting only entries of its own term (G2), and only what a majority has on disk (R1);
 * - what was committed stays; terms, commit indexes and what is durable do not go back, over restarts too (R1).
 *
 * What the state machines made of the log is the business of others.
 */
export class RaftInvariants {
  readonly #group: string;
  readonly #seen = new Map<number, Seen>();
  readonly #leaders = new Map<number, number>();
  readonly #votes = new Ballots();
  readonly #preVotes = new Ballots();
  /** By index, above what is committed. */
  readonly #known = new Map<number, Known[]>();
  /** The committed entries by index: their terms and hashes, and the term in which each was first seen committed. */
  readonly #committed: number[] = [0];
  readonly #hashes: number[] = [0];
  readonly #committedIn: number[] = [0];
  /** How many elections were won, and how often a replica gave up entries for a leader's. */
  elections = 0;
  conflicts = 0;
  readonly #tell: (what: string) => void;

  /** `tell` is told of elections. */
  constructor(group: string, tell: (what: string) => void = () => {}) {
    this.#group = group;
    this.#tell = tell;
  }

  /** The last index that any replica has committed. */
  get commit(): number {
    return this.#committed.length - 1;
  }

  /** The highest term in which somebody led. */
  get term(): number {
    return Math.max(0, ...this.#leaders.keys());
  }

  /** Forgets a replica whose disk was exchanged: what it becomes is another one. */
  forget(id: number): void {
    this.#seen.delete(id);
  }

  /** To be called with each message that leaves a replica. Throws {@link InvariantError}. */
  sent(message: Message): void {
    const { from, to, term } = message;
    switch (message.type) {
      case 'vote-response':
        if (message.granted) this.#votes.grant(term, to, from);
        break;
      case 'pre-vote-response':
        if (message.granted) this.#preVotes.grant(term, to, from);
        break;
      case 'vote-request':
        if (!message.transfer) this.#checkCandidacy(from, term);
    }
  }

  /**
   * To be called after anything happened to a replica. `life` counts its processes. Throws {@link InvariantError}.
   */
  check(view: RaftView, life: number): void {
    let seen = this.#seen.get(view.id);
    if (seen?.view !== view) seen = this.#begin(view, life, seen);
    if (view.transferTo !== 0 || seen.transferTo !== 0) this.#checkTransfer(view, seen);
    if (view.term !== seen.term || view.role !== seen.role) this.#checkTerm(view, seen);
    const lastTerm = view.termAt(view.lastIndex);
    if (view.lastIndex !== seen.lastIndex || lastTerm !== seen.lastTerm) {
      this.#checkLog(view, seen);
      seen.lastIndex = view.lastIndex;
      seen.lastTerm = lastTerm;
    }
    if (view.commit !== seen.commit) this.#checkCommit(view, seen);
  }

  /** A replica that is new or was started again. */
  #begin(view: RaftView, life: number, last: Seen | undefined): Seen {
    // One whose disk was damaged says so itself, and counts for nothing from then on (L2).
    const before = last?.view.quarantine === view.quarantine ? last : undefined;
    if (before) {
      if (view.term < before.durableTerm) {
        throw this.#broken(
          'R1',
          view,
          `starts in term ${view.term}, and was in ${before.durableTerm}`,
        );
      }
      const { durableIndex } = before.view;
      if (view.lastIndex < durableIndex) {
        throw this.#broken(
          'R1',
          view,
          `starts with ${view.lastIndex} entries of ${durableIndex} durable ones`,
        );
      }
      for (let index = view.firstIndex; index <= durableIndex; index++) {
        const [was, is] = [before.terms[index] || undefined, view.termAt(index)];
        if (was !== undefined && is !== undefined && was !== is) {
          throw this.#broken(
            'R1',
            view,
            `starts with entry ${index} of term ${is}, and had one of ${was}`,
          );
        }
      }
    }
    const seen: Seen = {
      view,
      life,
      role: 'follower',
      term: view.term,
      transferTo: 0,
      commit: 0,
      lastIndex: 0,
      lastTerm: undefined,
      durableTerm: before?.durableTerm ?? 0,
      terms: [],
    };
    this.#seen.set(view.id, seen);
    return seen;
  }

  #checkTerm(view: RaftView, seen: Seen): void {
    const { id, term, role } = view;
    if (term < seen.term) throw this.#broken('R2', view, `falls from term ${seen.term} to ${term}`);
    if (role === 'leader' && (seen.role !== 'leader' || term !== seen.term)) {
      const other = this.#leaders.get(term);
      if (other !== undefined)
        throw this.#broken('R2', view, `leads in term ${term}, as ${other} did`);
      this.#leaders.set(term, id);
      this.elections++;
      this.#tell(`${this.#group}: replica ${id} leads in term ${term}`);
      seen.durableTerm = Math.max(seen.durableTerm, term);
      // By log matching the last one speaks for all before it.
      let index = this.commit;
      while (index > 0 && (this.#committedIn[index] as number) >= term) index--;
      const own = index > view.storedIndex ? view.termAt(index) : this.#committed[index];
      if (index > 0 && own !== (this.#committed[index] || own)) {
        throw this.#broken('R2', view, `leads in term ${term} without committed entry ${index}`);
      }
      const votes = this.#votes.lacks(view.config, term, id);
      if (votes !== undefined) {
        throw this.#broken('R2', view, `leads in term ${term} with the votes of ${votes}`);
      }
    }
    seen.term = term;
    seen.role = role;
  }

  /** Who hands over takes no proposals meanwhile: the other one would never have all of them. */
  #checkTransfer(view: RaftView, seen: Seen): void {
    const { term, lastIndex, transferTo } = view;
    const goesOn = seen.transferTo === transferTo && seen.term === term;
    if (goesOn && lastIndex > seen.lastIndex) {
      const entries = view.entriesBetween(seen.lastIndex + 1, lastIndex + 1);
      const taken = entries.find(({ kind }) => kind === 'normal');
      if (taken) {
        throw this.#broken(
          'G9',
          view,
          `takes entry ${taken.index} and hands over to ${transferTo}`,
        );
      }
    }
    seen.transferTo = transferTo;
  }

  #checkCandidacy(id: number, term: number): void {
    const view = this.#seen.get(id)?.view;
    // The request of one that has moved on meanwhile only comes too late.
    if (view?.role !== 'candidate' || view.term !== term) return;
    const votes = this.#preVotes.lacks(view.config, term, id);
    if (votes === undefined) return;
    throw this.#broken('G8', view, `stands in term ${term} with the pre-votes of ${votes}`);
  }

  #checkLog(view: RaftView, seen: Seen): void {
    const { terms } = seen;
    const { firstIndex, lastIndex } = view;
    let same = Math.min(lastIndex, terms.length - 1);
    while (same >= firstIndex && terms[same] !== view.termAt(same)) same--;
    if (same < terms.length - 1) {
      const first = same + 1;
      if (first <= seen.commit && first > view.storedIndex && terms[first] !== 0) {
        throw this.#broken('R2', view, `gives up entry ${first}, committed up to ${seen.commit}`);
      }
      this.conflicts++;
      this.#checkConfig(view, first);
    }
    const from = Math.max(same + 1, firstIndex);
    if (terms.length > from) terms.length = from;
    while (terms.length < from) terms.push(0);
    let previousTerm = view.termAt(from - 1);
    for (const entry of view.entriesBetween(from, lastIndex + 1)) {
      this.#checkEntry(view, entry, previousTerm);
      if (entry.kind === 'config') this.#checkPlan(view, entry.index);
      terms.push(entry.term);
      previousTerm = entry.term;
    }
    const durable = view.termAt(view.durableIndex);
    if (durable !== undefined) seen.durableTerm = Math.max(seen.durableTerm, durable);
  }

  /** The entries from `first` on were given up, with a configuration perhaps: the last one that is in the log counts again (G11). */
  #checkConfig(view: RaftView, first: number): void {
    const { firstIndex, lastIndex, config, configIndex } = view;
    const last = view
      .entriesBetween(firstIndex, lastIndex + 1)
      .findLast(({ kind }) => kind === 'config');
    const text = last ? utf8Text(last.data) : 'no entry';
    const isWhatItIs = last ? JSON.stringify(config) === text : configIndex < first;
    if (isWhatItIs) return;
    throw this.#broken('G11', view, `goes by ${JSON.stringify(config)}, and its log by ${text}`);
  }

  /** Members follow the newest plan that the log ever had (C4). */
  #checkPlan(view: RaftView, index: number): void {
    const [before, after] = [view.configAt(index - 1).plan, view.configAt(index).plan];
    if (after >= before) return;
    throw this.#broken('C4', view, `goes back to plan ${after} in entry ${index}, after ${before}`);
  }

  #checkEntry(
    view: RaftView,
    { index, term, data }: Entry,
    previousTerm: number | undefined,
  ): void {
    const hash = hash32(data, index);
    if (index <= this.commit) {
      if (term === this.#committed[index] && hash !== this.#hashes[index]) {
        throw this.#broken('R2', view, `has another entry ${index} of term ${term} than committed`);
      }
      return;
    }
    let known = this.#known.get(index);
    if (!known) {
      known = [];
      this.#known.set(index, known);
    }
    const other = known.find((one) => one.term === term);
    if (!other) {
      known.push({ term, previousTerm, hash });
      return;
    }
    const unlike =
      other.hash !== hash ||
      (previousTerm !== undefined &&
        other.previousTerm !== undefined &&
        other.previousTerm !== previousTerm);
    if (unlike)
      throw this.#broken('R2', view, `has another entry ${index} of term ${term} than others`);
  }

  #checkCommit(view: RaftView, seen: Seen): void {
    const { commit, firstIndex } = view;
    if (commit < seen.commit) {
      throw this.#broken('R2', view, `falls from commit ${seen.commit} to ${commit}`);
    }
    const isLeader = view.role === 'leader';
    if (isLeader && view.termAt(commit) !== view.term && commit > this.commit) {
      throw this.#broken(
        'G2',
        view,
        `commits ${commit} of term ${view.termAt(commit)} by counting`,
      );
    }
    for (let index = Math.max(firstIndex, seen.commit + 1); index <= commit; index++) {
      const term = view.termAt(index) as number;
      const known = this.#committed[index] || term;
      if (known !== term) {
        throw this.#broken('R2', view, `commits ${index} of term ${term}, committed was ${known}`);
      }
    }
    if (commit > this.commit) this.#takeCommitted(view);
    seen.commit = commit;
  }

  /** The first one that has committed so far. */
  #takeCommitted(view: RaftView): void {
    const { commit } = view;
    const term = view.termAt(commit) as number;
    if (!this.#isDurable(view.config, commit, term)) {
      throw this.#broken(
        'R1',
        view,
        `commits ${commit} of term ${term}, which no majority has on disk: ${this.#holdings(view.config, commit)}`,
      );
    }
    while (this.#committed.length <= commit) {
      const index = this.#committed.length;
      this.#committed.push(view.termAt(index) ?? 0);
      this.#committedIn.push(view.term);
      const known = this.#known.get(index)?.find((one) => one.term === this.#committed[index]);
      this.#hashes.push(known?.hash ?? 0);
      this.#known.delete(index);
    }
  }

  #isDurable({ incoming, outgoing }: Config, index: number, term: number): boolean {
    return [incoming, outgoing].every((voters) => {
      if (voters.length === 0) return true;
      const having = voters.filter(({ id }) => {
        const view = this.#seen.get(id)?.view;
        // What it acknowledged before it was damaged counted when it did.
        if (view && view.quarantine > 0) return true;
        if (!view || view.durableIndex < index) return false;
        return index <= view.storedIndex || view.termAt(index) === term;
      });
      return having.length >= majority(voters);
    });
  }

  /** What each voter has there, for a reader. */
  #holdings({ incoming, outgoing }: Config, index: number): string {
    return [...incoming, ...outgoing]
      .map(({ id }) => {
        const view = this.#seen.get(id)?.view;
        if (!view) return `${id} was never seen`;
        const { durableIndex, storedIndex } = view;
        return `${id} has durable ${durableIndex}, stored ${storedIndex}, term ${view.termAt(index)} there`;
      })
      .join('; ');
  }

  #broken(rule: string, { id }: RaftView, what: string): InvariantError {
    return new InvariantError(`[${rule}] ${this.#group}: replica ${id} ${what}`);
  }
}
