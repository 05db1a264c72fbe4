import type { Timer } from '../ports/index.ts';
import type { SimProcess } from './process.ts';

/** What an event is to the process it belongs to: after a pause timers fire first, then the sockets are read (libuv). */
export type EventKind = 'timer' | 'io' | 'turn';

/** Something that will happen; as a timer it can be cancelled until then. */
export class SimEvent implements Timer {
  /** Milliseconds of virtual time. */
  at: number;
  /** Counts up; orders the events of one moment. */
  sequence: number;
  readonly kind: EventKind;
  /** The process that handles it; undefined for what happens in the world itself. */
  readonly owner: SimProcess | undefined;
  readonly run: () => void;
  isCancelled = false;

  constructor(
    at: number,
    sequence: number,
    kind: EventKind,
    owner: SimProcess | undefined,
    run: () => void,
  ) {
    this.at = at;
    this.sequence = sequence;
    this.kind = kind;
    this.owner = owner;
    this.run = run;
  }

  cancel(): void {
    this.isCancelled = true;
  }
}

/** What is further away than this waits in a bucket of its time, in milliseconds. */
const BUCKET_MS = 64;

/**
 * Events by time, then by sequence: those of the next moments in a heap, all others in buckets until their time comes near (a
 * calendar queue; Brown, 1988). Most timeouts are cancelled long before: they never come into the heap, which stays small.
 */
export class EventQueue {
  readonly #near = new EventHeap();
  /** By number: times from that many times BUCKET_MS on. All of them are `#next` or higher. */
  readonly #far = new Map<number, SimEvent[]>();
  #next = 0;

  get first(): SimEvent | undefined {
    while (this.#near.first === undefined && this.#far.size > 0) this.#advance();
    return this.#near.first;
  }

  /** Throws for a time that never comes. */
  push(event: SimEvent): void {
    const number = Math.floor(event.at / BUCKET_MS);
    if (!Number.isFinite(number)) throw new RangeError(`an event at ${event.at} ms`);
    if (number < this.#next) {
      this.#near.push(event);
      return;
    }
    const bucket = this.#far.get(number);
    if (bucket) bucket.push(event);
    else this.#far.set(number, [event]);
  }

  /** Takes {@link first} away. */
  pop(): void {
    this.#near.pop();
  }

  #advance(): void {
    const number = this.#next++;
    const bucket = this.#far.get(number);
    if (!bucket) return;
    this.#far.delete(number);
    for (const event of bucket) if (!event.isCancelled) this.#near.push(event);
  }
}

/** A binary heap (Williams, 1964). */
class EventHeap {
  readonly #heap: SimEvent[] = [];

  get first(): SimEvent | undefined {
    return this.#heap[0];
  }

  push(event: SimEvent): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      const above = heap[parent] as SimEvent;
      if (isBefore(above, event)) break;
      heap[at] = above;
      at = parent;
    }
    heap[at] = event;
  }

  pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      const right = child + 1;
      if (right < heap.length && isBefore(heap[right] as SimEvent, heap[child] as SimEvent)) {
        child = right;
      }
      if (isBefore(last, heap[child] as SimEvent)) break;
      heap[at] = heap[child] as SimEvent;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
