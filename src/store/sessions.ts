import { ByteReader, ByteWriter } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import type { StoragePlace } from '../item/index.ts';
import type { SessionTag } from './command.ts';
import { SESSION_RANGE, SESSION_TIME_KEY, sessionKey } from './keys.ts';
import type { MovedAnswer } from './shard-part.ts';

/** A deadline may lie at most this far ahead, and a session is kept this long after its last one (milliseconds). */
export const DEADLINE_AHEAD_MAX_MS = 60_000;

/**
 * All that is remembered together, by session and by retry token, in bytes; a command that finds no room is refused, nothing
 * is forgotten (S1).
 */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
/** What an answer costs besides its bytes, roughly: the map's entry and the objects' headers. */
const ANSWER_OVERHEAD_BYTES = 220;

/** The place is that of the item: a split divides the answers by it, a merge unites them. */
interface Answer extends StoragePlace {
  readonly result: Uint8Array;
}

interface Session {
  lowestUnanswered: number;
  deadlineMax: number;
  /** Answers by sequence, from `lowestUnanswered` on. A Map, since it is short: only what is under way. */
  readonly answers: Map<number, Answer>;
}

export type Admission =
  | { readonly kind: 'new' }
  | { readonly kind: 'repeated'; readonly answer: Uint8Array }
  | { readonly kind: 'expired' | 'answered' | 'sessions-full' };

/**
 * Exactly once for routers (S1; Raft thesis §6.3): the answers of each router's commands that may still be sent again.
 *
 * Every command says which sequences of its router are answered, so a session holds what is under way and no more. Time
 * is the group's: it comes with the entries, so that all replicas forget the same sessions at the same entry (G20).
 */
export class Sessions {
  readonly #sessions = new Map<number, Session>();
  readonly #answerBytesMax: number;
  #time = 0;
  #bytes = 0;

  /** A replicated limit: it must be the same on every replica. */
  constructor(answerBytesMax = ANSWER_BYTES_MAX) {
    this.#answerBytesMax = answerBytesMax;
  }

  /** The group's session time in milliseconds: never goes back. */
  get time(): number {
    return this.#time;
  }

  /** Of all sessions, and what is counted for their answers. */
  get size(): { readonly sessions: number; readonly bytes: number } {
    return { sessions: this.#sessions.size, bytes: this.#bytes };
  }

  restore(state: Reader): void {
    this.#sessions.clear();
    this.#bytes = 0;
    const time = state.get(SESSION_TIME_KEY);
    this.#time = time ? new ByteReader(time).u64() : 0;
    const cursor = state.range(SESSION_RANGE);
    for (let pair = cursor.next(); pair; pair = cursor.next()) {
      const router = new ByteReader(pair.key, 1).u64();
      const session = decodeSession(pair.value);
      this.#sessions.set(router, session);
      for (const answer of session.answers.values()) this.#bytes += costOf(answer);
    }
    cursor.close();
  }

  advanceTime(proposed: number): void {
    if (proposed > this.#time) this.#time = proposed;
  }

  /**
   * Decides whether a command may be evaluated. For `new` the caller evaluates it and calls `remember`. `otherBytes` is what
   * is remembered elsewhere within the same bound.
   */
  admit(tag: SessionTag, otherBytes = 0): Admission {
    const session = this.#sessions.get(tag.router);
    // Before the deadline is looked at: a command that took effect is never called expired.
    const answer = session?.answers.get(tag.sequence);
    if (answer) return { kind: 'repeated', answer: answer.result };
    if (this.#time > tag.deadline) return { kind: 'expired' };
    if (tag.deadline > this.#time + DEADLINE_AHEAD_MAX_MS) return { kind: 'expired' };
    if (session) {
      if (tag.sequence < session.lowestUnanswered) return { kind: 'answered' };
      this.#forgetAnswered(session, tag.lowestUnanswered);
    }
    if (this.#bytes + otherBytes > this.#answerBytesMax) {
      // Routers that are gone must not shut out those that live.
      this.#dropExpired();
      if (this.#bytes + otherBytes > this.#answerBytesMax) return { kind: 'sessions-full' };
    }
    return { kind: 'new' };
  }

  remember(tag: SessionTag, { table, hash }: StoragePlace, result: Uint8Array): void {
    let session = this.#sessions.get(tag.router);
    if (!session) {
      this.#dropExpired();
      session = { lowestUnanswered: 0, deadlineMax: 0, answers: new Map() };
      this.#sessions.set(tag.router, session);
    }
    this.#forgetAnswered(session, tag.lowestUnanswered);
    session.deadlineMax = Math.max(session.deadlineMax, tag.deadline);
    const answer = { table, hash, result };
    session.answers.set(tag.sequence, answer);
    this.#bytes += costOf(answer);
  }

  /** Answers of which `isWanted` says so, by router and sequence, those after a place in this order; the results are views. */
  answersFor(
    isWanted: (place: StoragePlace) => boolean,
    after: { readonly router: number; readonly sequence: number },
  ): MovedAnswer[] {
    const found: MovedAnswer[] = [];
    for (const [router, { answers }] of this.#sessions) {
      if (router < after.router) continue;
      for (const [sequence, answer] of answers) {
        const isPast = router === after.router && sequence <= after.sequence;
        if (!isPast && isWanted(answer)) found.push({ router, sequence, ...answer });
      }
    }
    return found.sort((a, b) => a.router - b.router || a.sequence - b.sequence);
  }

  /** Remembers what another group has answered, for as long as its router may still ask. The result is in this group's time. */
  adopt({ router, sequence, table, hash }: MovedAnswer, result: Uint8Array): void {
    const { lowestUnanswered, answers } = this.#sessions.get(router) ?? {};
    if (sequence < (lowestUnanswered ?? 0) || answers?.has(sequence)) return;
    const deadline = this.#time + DEADLINE_AHEAD_MAX_MS;
    const tag = { router, sequence, lowestUnanswered: lowestUnanswered ?? 0, deadline };
    this.remember(tag, { table, hash }, result);
  }

  /** The sessions as writes, as far as `persisted` has others; one that is gone meanwhile is deleted there. */
  cacheWrites(persisted: Reader): Write[] {
    const writes: Write[] = [];
    const kept = new Set<number>();
    const cursor = persisted.range(SESSION_RANGE);
    for (let pair = cursor.next(); pair; pair = cursor.next()) {
      const router = new ByteReader(pair.key, 1).u64();
      const session = this.#sessions.get(router);
      if (!session) writes.push({ key: pair.key, value: undefined });
      else if (isSameAs(session, pair.value)) kept.add(router);
    }
    cursor.close();
    for (const [router, session] of this.#sessions) {
      if (!kept.has(router)) {
        writes.push({ key: sessionKey(router), value: encodeSession(session) });
      }
    }
    writes.push({ key: SESSION_TIME_KEY, value: new ByteWriter(8).u64(this.#time).take() });
    return writes;
  }

  #forgetAnswered(session: Session, lowestUnanswered: number): void {
    if (lowestUnanswered <= session.lowestUnanswered) return;
    const { answers } = session;
    const from = session.lowestUnanswered;
    session.lowestUnanswered = lowestUnanswered;
    // Usually it moves by a few, and there are many more answers; but a router that is new here begins anywhere.
    if (lowestUnanswered - from < answers.size) {
      for (let sequence = from; sequence < lowestUnanswered; sequence++) {
        this.#forget(session, sequence);
      }
    } else {
      for (const sequence of answers.keys()) {
        if (sequence < lowestUnanswered) this.#forget(session, sequence);
      }
    }
  }

  #forget({ answers }: Session, sequence: number): void {
    const answer = answers.get(sequence);
    if (!answer) return;
    answers.delete(sequence);
    this.#bytes -= costOf(answer);
  }

  /** A router that is silent for this long is gone, or its commands expired. Called when a router is new: rarely. */
  #dropExpired(): void {
    for (const [router, session] of this.#sessions) {
      if (session.deadlineMax + DEADLINE_AHEAD_MAX_MS >= this.#time) continue;
      this.#sessions.delete(router);
      for (const answer of session.answers.values()) this.#bytes -= costOf(answer);
    }
  }
}

function costOf({ result }: Answer): number {
  return result.length + ANSWER_OVERHEAD_BYTES;
}

/**
 * Whatever changes a session raises the first number, or else the number of answers; and one that was dropped and began anew has a
 * later deadline than it had.
 */
function isSameAs(session: Session, encoded: Uint8Array): boolean {
  const reader = new ByteReader(encoded);
  const { lowestUnanswered, deadlineMax, answers } = session;
  if (reader.varint() !== lowestUnanswered) return false;
  return reader.varint() === deadlineMax && reader.varint() === answers.size;
}

function encodeSession(session: Session): Uint8Array {
  const writer = new ByteWriter()
    .varint(session.lowestUnanswered)
    .varint(session.deadlineMax)
    .varint(session.answers.size);
  for (const [sequence, { table, hash, result }] of session.answers) {
    writer.varint(sequence).varint(table).u32(hash.high).u32(hash.low).bytes(result);
  }
  return writer.take();
}

function decodeSession(bytes: Uint8Array): Session {
  const reader = new ByteReader(bytes);
  const session: Session = {
    lowestUnanswered: reader.varint(),
    deadlineMax: reader.varint(),
    answers: new Map(),
  };
  const count = reader.varint();
  for (let i = 0; i < count; i++) {
    session.answers.set(reader.varint(), {
      table: reader.varint(),
      hash: { high: reader.u32(), low: reader.u32() },
      result: reader.bytes().slice(),
    });
  }
  reader.end();
  return session;
}
