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

/** Events by time, then by sequence: a binary heap (Williams, 1964). */
export class EventQueue {
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

  pop(): SimEvent | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
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
    return first;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
