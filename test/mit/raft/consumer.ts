import { ByteReader, ByteWriter } from '../../../src/bytes/index.ts';
import type { Applied } from './server.ts';

const SNAPSHOT_EVERY = 10;

/** What all consumers of one test together have seen delivered. */
export class Deliveries {
  /** By index: the command, and by whom it was delivered, over all lives. */
  readonly #commands: (string | undefined)[] = [];
  readonly #by: Set<number>[] = [];

  add(server: number, index: number, command: string): void {
    const known = this.#commands[index];
    if (known !== undefined && known !== command) {
      throw new Error(`[R2] server ${server} delivers ${command} at ${index}, which was ${known}`);
    }
    this.#commands[index] = command;
    this.#by[index] ??= new Set();
    this.#by[index]?.add(server);
  }

  /** How many servers have delivered something at this index, and what. */
  at(index: number): { readonly count: number; readonly command: string | undefined } {
    return { count: this.#by[index]?.size ?? 0, command: this.#commands[index] };
  }

  get lastIndex(): number {
    return Math.max(0, this.#commands.length - 1);
  }
}

/**
 * The service on one server, and the checks of §6: order within a life, agreement over all, and with `snapshots` (2D) a
 * snapshot of the whole history whenever the next index is a multiple of ten.
 */
export class Consumer {
  readonly #server: number;
  readonly #deliveries: Deliveries;
  readonly #takesSnapshots: boolean;
  readonly #snapshot: (index: number, bytes: Uint8Array) => void;
  /** Over all lives without snapshots, of this life with them. */
  #history: string[] = [];
  #last = 0;

  constructor(
    server: number,
    deliveries: Deliveries,
    takesSnapshots: boolean,
    snapshot: (index: number, bytes: Uint8Array) => void,
  ) {
    this.#server = server;
    this.#deliveries = deliveries;
    this.#takesSnapshots = takesSnapshots;
    this.#snapshot = snapshot;
  }

  take(applied: Applied): void {
    if (applied.kind === 'snapshot') {
      this.restore(applied.index, applied.bytes);
      return;
    }
    const { index, command } = applied;
    if (index !== this.#last + 1) {
      throw new Error(`[R2] server ${this.#server} delivers ${index} after ${this.#last}`);
    }
    const text = new TextDecoder().decode(command);
    this.#last = index;
    this.#history[index] = text;
    this.#deliveries.add(this.#server, index, text);
    if (this.#takesSnapshots && (index + 1) % SNAPSHOT_EVERY === 0) {
      this.#snapshot(index, encode(index, this.#history));
    }
  }

  /** At a start, and when a snapshot comes: it must be what it says, and agree with everything ever delivered. */
  restore(index: number, bytes: Uint8Array): void {
    const { lastIndex, history } = decode(bytes);
    if (lastIndex !== index) {
      throw new Error(`[G12] server ${this.#server}: a snapshot at ${index} holds ${lastIndex}`);
    }
    for (let i = 1; i <= index; i++) this.#deliveries.add(this.#server, i, history[i] as string);
    this.#history = history;
    this.#last = index;
  }
}

function encode(lastIndex: number, history: readonly string[]): Uint8Array {
  const writer = new ByteWriter().varint(lastIndex);
  for (let i = 1; i <= lastIndex; i++) writer.text(history[i] as string);
  return writer.take();
}

function decode(bytes: Uint8Array): { readonly lastIndex: number; readonly history: string[] } {
  const reader = new ByteReader(bytes);
  const lastIndex = reader.varint();
  const history: string[] = [];
  for (let i = 1; i <= lastIndex; i++) history[i] = reader.text();
  reader.end();
  return { lastIndex, history };
}
