import { ByteWriter, compareBytes, mix128, state128 } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import {
  type PageOutcome,
  runWrite,
  type StoragePlace,
  type StoredItem,
  sortKeyIn,
  storagePlace,
  type WriteOutcome,
} from '../item/index.ts';
import {
  type CommandResult,
  type DataCommand,
  decodeCommand,
  encodeAgain,
  encodeResult,
  outcomeOf,
  type PageQuery,
  type WriteCommand,
} from './command.ts';
import { type Contents, countIn, countOut, itemHash, itemHashIn, noContents } from './contents.ts';
import { itemKey, storageKeyOf } from './keys.ts';
import { ListedChanges, type ListLimits, placeInList } from './listed-changes.ts';
import { MiddleFinder } from './middle-finder.ts';
import { PageReader } from './page-reader.ts';
import { type MadePart, makePart } from './part-maker.ts';
import { Retries } from './retries.ts';
import type { RetryEntry } from './retry-generation.ts';
import { Sessions } from './sessions.ts';
import { ShardLifecycle } from './shard-lifecycle.ts';
import type { MoveCursor } from './shard-part.ts';
import { encodeShard, type Shard, Shards } from './shards.ts';
import { decodeStoredValue, encodeStoredValue } from './stored-value.ts';

interface Applied {
  readonly writes: readonly Write[];
  readonly result: Uint8Array;
}

const NOTHING: readonly Write[] = [];

/** The state as of the entry `appliedIndex`. */
export type AppliedState = Reader & { readonly appliedIndex: number };

/** A hash of a group's whole state as of an entry: equal on all replicas (S3). */
export interface StateDigest {
  readonly index: number;
  /** A version, a colon, 32 hex digits. */
  readonly digest: string;
}

/** They must be the same on every replica. */
export interface MachineLimits {
  /** Of what is remembered for routers, in memory, in bytes. */
  readonly answerBytesMax?: number | undefined;
  /** Of a block of what is remembered for clients. */
  readonly retryBlockBytes?: number | undefined;
  readonly listed?: ListLimits | undefined;
  /** Read in one slice, at most. This alone may differ. */
  readonly sliceItems?: number | undefined;
}

/** A digest is kept once in this much session time, in milliseconds. */
const DIGEST_INTERVAL_MS = 1_000;
const DIGESTS_KEPT = 32;
/** Of what goes into a digest: replicas compare digests of one version only. */
const DIGEST_VERSION = 3;

/**
 * The state machine of a data group: items in shards, with what makes each command take effect once:
 * routers' sessions and clients' retry tokens.
 *
 * Commands are evaluated when they are applied, on every replica, from the entry and the state alone (§5 of the design).
 */
export class DataMachine {
  readonly #sessions: Sessions;
  readonly #retries: Retries;
  readonly #shards = new Shards();
  readonly #lifecycle: ShardLifecycle;
  readonly #listed: ListedChanges;
  readonly #sliceItems: number | undefined;
  /** Writes of the entry that is being applied, besides those to items and shards. */
  #extra: Write[] = [];
  #index = 0;
  #digests: StateDigest[] = [];

  constructor({ answerBytesMax, retryBlockBytes, listed, sliceItems }: MachineLimits = {}) {
    this.#sliceItems = sliceItems;
    this.#sessions = new Sessions(answerBytesMax);
    this.#retries = new Retries(retryBlockBytes);
    this.#listed = new ListedChanges(listed);
    this.#lifecycle = new ShardLifecycle(this.#shards, this.#retries, this.#sessions);
  }

  /** Milliseconds; advances with the entries applied. */
  get sessionTime(): number {
    return this.#sessions.time;
  }

  shards(): IterableIterator<Readonly<Shard>> {
    return this.#shards.all();
  }

  shard(id: number): Readonly<Shard> | undefined {
    return this.#shards.get(id);
  }

  /** What is in a shard that the group holds, counted anew: what it says of itself, or the count went wrong somewhere. */
  recount(id: number, state: Reader): Contents {
    const contents = noContents();
    const shard = this.#shards.get(id);
    if (!shard) return contents;
    const cursor = state.range(this.#shards.range(shard));
    for (let pair = cursor.next(); pair; pair = cursor.next()) {
      countIn(contents, itemHashIn(storageKeyOf(pair.key)), pair.value);
    }
    cursor.close();
    return contents;
  }

  /** What is remembered for clients, oldest first; the bytes are views. */
  *retries(state: Reader): Generator<RetryEntry> {
    for (const { entry } of this.#retries.entries(state)) yield entry;
  }

  restore(state: AppliedState): void {
    this.#index = state.appliedIndex;
    this.#digests = [];
    this.#sessions.restore(state);
    this.#retries.restore(state);
    this.#shards.restore(state);
  }

  cacheWrites(state: Reader): readonly Write[] {
    return [
      ...this.#shards.cacheWrites(),
      ...this.#sessions.cacheWrites(state),
      ...this.#retries.cacheWrites(state),
    ];
  }

  /**
   * Digests of the last half minute, oldest first. The entries are chosen by the session time in them alone, about one a
   * second, so that they are the same ones on every replica, whatever the load.
   */
  get digests(): readonly StateDigest[] {
    return this.#digests;
  }

  /** Of the last entry with a command, which the digest of now is of; 0 when there was none. */
  get commandIndex(): number {
    return this.#index;
  }

  /** The digest of now: as of the last entry that was applied here. */
  digest(): StateDigest {
    const { sessions, bytes } = this.#sessions.size;
    const writer = new ByteWriter(256)
      .u64(this.#sessions.time)
      .varint(sessions)
      .varint(bytes)
      .varint(this.#retries.count)
      .varint(this.#retries.bytes)
      .varint(this.#shards.config);
    const shards = [...this.#shards.all()].sort((a, b) => a.id - b.id);
    for (const shard of shards) writer.bytes(encodeShard(shard));
    const hash = state128();
    mix128(hash, writer.view());
    const text = Array.from(hash, (word) => word.toString(16).padStart(8, '0')).join('');
    return { index: this.#index, digest: `${DIGEST_VERSION}:${text}` };
  }

  apply(data: Uint8Array, state: AppliedState): Applied {
    const { sessionTime, command } = decodeCommand(data);
    const before = Math.floor(this.#sessions.time / DIGEST_INTERVAL_MS);
    this.#sessions.advanceTime(sessionTime);
    this.#retries.forget(this.#sessions.time, this.#extra);
    const applied = this.#evaluate(command, state);
    this.#index = state.appliedIndex + 1;
    if (Math.floor(this.#sessions.time / DIGEST_INTERVAL_MS) > before) {
      this.#digests.push(this.digest());
      if (this.#digests.length > DIGESTS_KEPT) this.#digests.shift();
    }
    const extra = this.#extra;
    if (extra.length === 0) return applied;
    this.#extra = [];
    return { writes: [...applied.writes, ...extra], result: applied.result };
  }

  #evaluate(command: DataCommand, state: Reader): Applied {
    if (command.kind === 'write') return this.#write(command, state);
    const writes = this.#lifecycle.apply(command, state);
    return writes ? { writes, result: this.#done(undefined) } : this.#refused('wrong-shard');
  }

  /**
   * The part of a shard that begins at the cursor, for the group that fetches it (C3); undefined: its changes are not listed under
   * this epoch. It has about so many bytes. `begin-anew`: changes that the group would need to go on there are listed no more.
   */
  part(
    id: number,
    epoch: number,
    cursor: MoveCursor,
    bytesMax: number,
    state: Reader,
  ): MadePart | 'begin-anew' | undefined {
    const shard = this.#shards.get(id);
    if (shard?.epoch !== epoch || shard.listedFrom === undefined) return undefined;
    if (shard.state !== 'serving' && shard.state !== 'fenced') return undefined;
    const covers = (place: StoragePlace) => this.#shards.covers(shard, place);
    const range = (first: Uint8Array) => this.#shards.range(shard, first);
    const moving = { shard, range, covers };
    const from = placeInList(shard.listedFrom, cursor);
    if (!from) return 'begin-anew';
    return makePart(moving, from, bytesMax, state, this.#retries, this.#sessions);
  }

  /** Where to split a shard of this group: call `step` until it gives something else than `more` (middle-finder.ts). */
  middle(id: number): { step(state: Reader): string | undefined | 'more' } | undefined {
    const shard = this.#shards.get(id);
    if (!shard) return undefined;
    const range = (first: Uint8Array) => this.#shards.range(shard, first);
    const finder = new MiddleFinder(range, shard.bytes, this.#sliceItems);
    // It may have gone in between, and its bounds with it.
    return {
      step: (state) => (this.#shards.get(id) === shard ? finder.step(state) : undefined),
    };
  }

  /** A linearizable read if the group confirmed its read index first (R6); undefined: not under this epoch (S2). */
  read(
    shard: number,
    epoch: number,
    key: Uint8Array,
    state: Reader,
  ): { readonly item: StoredItem | undefined } | undefined {
    if (!this.#shards.serving(shard, epoch, storagePlace(key))) return undefined;
    const value = state.get(itemKey(key));
    return { item: value && decodeStoredValue(value) };
  }

  /** Reads one page slice by slice (E7): call `step` until it gives something else than `more`. */
  page(query: PageQuery): { step(state: Reader): PageOutcome | 'more' | 'wrong-shard' } {
    const reader = new PageReader(query.operation, this.#sliceItems);
    return {
      step: (state) => {
        const shard = this.#shards.get(query.shard);
        const gone = shard?.epoch !== query.epoch || shard.state !== 'serving';
        return gone ? 'wrong-shard' : reader.step(state);
      },
    };
  }

  #write(command: WriteCommand, state: Reader): Applied {
    const admission = this.#sessions.admit(command, this.#retries.bytes);
    if (admission.kind === 'repeated') return { writes: NOTHING, result: admission.answer };
    if (admission.kind !== 'new') return this.#refused(admission.kind);

    const place = storagePlace(command.key);
    const { retry } = command;
    const first = retry && this.#retries.find(retry, state);
    if (first) {
      const result = encodeAgain(this.#sessions.time, first);
      // By this router's session, too: the command may come once more after its token is forgotten.
      this.#sessions.remember(command, place, result);
      return { writes: NOTHING, result };
    }
    const shard = this.#shards.serving(command.shard, command.epoch, place);
    // Not remembered: the router sends the same sequence again, to the group that has the shard now.
    if (!shard) return this.#refused('wrong-shard');

    const key = itemKey(command.key);
    const value = state.get(key);
    const current = value && decodeStoredValue(value);
    const { outcome, effect } = runWrite(command.operation, current);
    let writes: Write[] = [];
    if (effect) {
      const item = effect.kind === 'put' ? effect.item : undefined;
      const keyHash = itemHash(place.hash, sortKeyIn(command.key));
      shard.sequence += 1;
      const next = item && encodeStoredValue(item, shard.sequence);
      for (const contents of contentsWith(shard, command.key)) {
        if (value) countOut(contents, keyHash, value);
        if (next) countIn(contents, keyHash, next);
      }
      writes = [{ key, value: next }];
      this.#listed.list(shard, command.key, writes);
    }
    const result = this.#done(outcome);
    this.#sessions.remember(command, place, result);
    if (retry) {
      const { table, hash } = place;
      const entry = { token: retry, table, hash, outcome: outcomeOf(result) };
      this.#retries.remember(this.#sessions.time, entry, this.#extra);
    }
    return { writes, result };
  }

  #done(outcome: WriteOutcome | undefined): Uint8Array {
    return encodeResult({ kind: 'done', sessionTime: this.#sessions.time, outcome });
  }

  #refused(kind: Exclude<CommandResult['kind'], 'done'>): Applied {
    const result = encodeResult({ kind, sessionTime: this.#sessions.time });
    return { writes: NOTHING, result };
  }
}

/** What counts an item with this storage key: the shard, and what of it is counted for a split. */
function contentsWith(shard: Shard, key: Uint8Array): readonly Contents[] {
  const { lower } = shard;
  return lower && compareBytes(key, lower.next) < 0 ? [shard, lower] : [shard];
}
