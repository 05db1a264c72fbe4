import type { Index, Term } from '../raft/index.ts';

/**
 * How a proposal ended:
 * - `applied`: `result` is the state machine's.
 * - `not-leader`, `overloaded`: it was not taken, nothing was done.
 * - `unknown`: leadership was lost while it was under way, or it took too long; it may be applied yet.
 */
export type ProposalResult =
  | { readonly kind: 'applied'; readonly result: Uint8Array }
  | { readonly kind: 'not-leader' | 'overloaded' | 'unknown' };

/** A proposal that is not applied after this many ticks is answered with `unknown`: a full or stalled disk may never be done. */
const PROPOSAL_TICKS_MAX = 30;

interface Proposal {
  readonly term: Term;
  readonly since: number;
  readonly settle: (result: ProposalResult) => void;
}

/** The proposals under way, by the index that Raft gave them. */
export class Proposals {
  readonly #byIndex = new Map<Index, Proposal>();
  #ticks = 0;

  get isEmpty(): boolean {
    return this.#byIndex.size === 0;
  }

  add(index: Index, term: Term, settle: (result: ProposalResult) => void): void {
    this.#byIndex.set(index, { term, since: this.#ticks, settle });
  }

  tick(): void {
    this.#ticks++;
    for (const [index, { since, settle }] of this.#byIndex) {
      if (this.#ticks - since < PROPOSAL_TICKS_MAX) break; // the oldest come first
      this.#byIndex.delete(index);
      settle({ kind: 'unknown' });
    }
  }

  /** The entry at `index` was applied. One of another term took the place of the proposal, which is lost for good. */
  applied(index: Index, term: Term, result: Uint8Array): void {
    const proposal = this.#byIndex.get(index);
    if (!proposal) return;
    this.#byIndex.delete(index);
    proposal.settle(proposal.term === term ? { kind: 'applied', result } : { kind: 'not-leader' });
  }

  abandon(): void {
    const all = [...this.#byIndex.values()];
    this.#byIndex.clear();
    for (const { settle } of all) settle({ kind: 'unknown' });
  }
}

type SettleRead = (confirmed: boolean) => void;

/** A read that got no index within this many ticks is told to try elsewhere: its message was lost, or no leader is there. */
const ROUND_TICKS_MAX = 10;

/** And one that the state does not reach within this many: another replica is further, the leader's at least. */
const APPLY_TICKS_MAX = 3;

/** The reads under way (R6): gathered over a turn, confirmed together, served once the replica has applied that far. */
export class Reads {
  #gathering: SettleRead[] = [];
  readonly #asked = new Map<number, { readonly since: number; readonly reads: SettleRead[] }>();
  #confirmed: { readonly index: Index; readonly since: number; readonly reads: SettleRead[] }[] =
    [];
  #nextContext: number;
  #ticks = 0;
  /** For this index reads waited in vain. */
  #missed: Index = 0;

  /** Contexts count up from a random number: an answer to a life before a restart must not pass for a new one. */
  constructor(firstContext: number) {
    this.#nextContext = firstContext;
  }

  add(settle: SettleRead): void {
    this.#gathering.push(settle);
  }

  /** Reads have waited in vain for what the state, applied that far, still does not have: more of them would, too. */
  isBehind(applied: Index): boolean {
    return applied < this.#missed;
  }

  get isEmpty(): boolean {
    return this.#gathering.length + this.#asked.size + this.#confirmed.length === 0;
  }

  /** Asks for one index for everything gathered. `ask` says whether there was anybody to ask. */
  ask(ask: (context: number) => boolean): void {
    if (this.#gathering.length === 0) return;
    const reads = this.#gathering;
    this.#gathering = [];
    const context = this.#nextContext++;
    if (ask(context)) this.#asked.set(context, { since: this.#ticks, reads });
    else settleAll(reads, false);
  }

  onReadState(context: number, index: Index, rejected: boolean): void {
    const asked = this.#asked.get(context);
    if (!asked) return;
    this.#asked.delete(context);
    if (rejected) settleAll(asked.reads, false);
    else this.#confirmed.push({ index, since: this.#ticks, reads: asked.reads });
  }

  onApplied(applied: Index): void {
    if (this.#confirmed.length === 0) return;
    const ready = this.#confirmed.filter(({ index }) => index <= applied);
    if (ready.length === 0) return;
    this.#confirmed = this.#confirmed.filter(({ index }) => index > applied);
    for (const { reads } of ready) settleAll(reads, true);
  }

  /** Applying stands still for long: what waits for it is told at once to try elsewhere. */
  stopWaiting(): void {
    const waiting = this.#confirmed;
    if (waiting.length === 0) return;
    this.#confirmed = [];
    for (const { reads } of waiting) settleAll(reads, false);
  }

  tick(): void {
    this.#ticks++;
    for (const [context, { since, reads }] of this.#asked) {
      if (this.#ticks - since < ROUND_TICKS_MAX) break; // the oldest come first
      this.#asked.delete(context);
      settleAll(reads, false);
    }
    const late = this.#confirmed.filter(({ since }) => this.#ticks - since >= APPLY_TICKS_MAX);
    if (late.length === 0) return;
    this.#confirmed = this.#confirmed.filter((read) => !late.includes(read));
    for (const { index, reads } of late) {
      this.#missed = Math.max(this.#missed, index);
      settleAll(reads, false);
    }
  }

  abandon(): void {
    const reads = [
      ...this.#gathering,
      ...[...this.#asked.values()].flatMap((asked) => asked.reads),
      ...this.#confirmed.flatMap((confirmed) => confirmed.reads),
    ];
    this.#gathering = [];
    this.#asked.clear();
    this.#confirmed = [];
    settleAll(reads, false);
  }
}

function settleAll(reads: readonly SettleRead[], confirmed: boolean): void {
  for (const settle of reads) settle(confirmed);
}
