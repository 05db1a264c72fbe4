import { ByteWriter, type Hash64, mix128, state128 } from '../bytes/index.ts';
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
  type FenceShardCommand,
  type InstallShardCommand,
  type ListChangesCommand,
  outcomeOf,
  type PageQuery,
  type PurgeShardCommand,
  type ReceivePartCommand,
  type ReceiveShardCommand,
  type WriteCommand,
} from './command.ts';
import { changeKey, changesAfter, itemKey, shardKey } from './keys.ts';
import { PageReader } from './page-reader.ts';
import { makePart } from './part-maker.ts';
import { Retries } from './retries.ts';
import type { RetryEntry } from './retry-generation.ts';
import { Sessions } from './sessions.ts';
import { addItem, itemHash, removeItem, type SetDigest } from './set-digest.ts';
import {
  decodeShardPart,
  isSamePlace,
  type MoveCursor,
  type ShardEnd,
  type ShardPart,
  START,
} from './shard-part.ts';
import { encodeShard, type Shard, type ShardState, Shards } from './shards.ts';
import { decodeStoredValue, encodeStoredValue, sizeIn } from './stored-value.ts';

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

/** A digest is kept once in this much session time, in milliseconds. */
const DIGEST_INTERVAL_MS = 1_000;
const DIGESTS_KEPT = 32;
/** Of what goes into a digest: replicas compare digests of one version only. */
const DIGEST_VERSION = 2;

/**
 * The state machine of a data group: items in shards, with what makes each command take effect once:
 * routers' sessions and clients' retry tokens.
 *
 * Commands are evaluated when they are applied, on every replica, from the entry and the state alone (§5 of the design).
 */
export class DataMachine {
  readonly #sessions: Sessions;
  readonly #retries = new Retries();
  readonly #shards = new Shards();
  /** Writes of the entry that is being applied, besides those to items and shards. */
  #extra: Write[] = [];
  #index = 0;
  #digests: StateDigest[] = [];

  /** `answerBytesMax`: of what is remembered, in memory. It must be the same on every replica. */
  constructor(answerBytesMax?: number) {
    this.#sessions = new Sessions(answerBytesMax);
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
    switch (command.kind) {
      case 'write':
        return this.#write(command, state);
      case 'install-shard':
        return this.#add(command, 'serving');
      case 'receive-shard':
        return this.#add(command, 'receiving');
      case 'receive-part':
        return this.#receive(command, state);
      case 'list-changes':
        return this.#listChanges(command);
      case 'fence-shard':
        return this.#fence(command);
      case 'purge-shard':
        return this.#purge(command, state);
    }
  }

  /**
   * The part of a shard that begins at the cursor, for the group that fetches it (C3); undefined: its changes are not listed under
   * this epoch. It has about so many bytes. `caughtUp`: there is no more for now, and the shard is not fenced.
   */
  part(
    id: number,
    epoch: number,
    cursor: MoveCursor,
    bytesMax: number,
    state: Reader,
  ): { readonly part: ShardPart; readonly caughtUp: boolean } | undefined {
    const shard = this.#shards.get(id);
    if (shard?.epoch !== epoch || shard.listedFrom === undefined) return undefined;
    if (shard.state !== 'serving' && shard.state !== 'fenced') return undefined;
    const covers = (place: StoragePlace) => this.#shards.covers(shard, place);
    const moving = { shard, ...this.#shards.range(shard), covers };
    return makePart(moving, cursor, bytesMax, state, this.#retries, this.#sessions);
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
    const reader = new PageReader(query.operation);
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
      if (value) countOut(shard, keyHash, value);
      if (next) countIn(shard, keyHash, next);
      writes = [{ key, value: next }];
      if (shard.listedFrom !== undefined) {
        writes.push({ key: changeKey(shard.id, shard.sequence), value: command.key });
      }
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

  #add(command: InstallShardCommand | ReceiveShardCommand, as: ShardState): Applied {
    if (command.config < this.#shards.config) return this.#refused('wrong-shard');
    this.#shards.follow(command.config);
    const held = this.#shards.get(command.shard);
    // What is left of it from an earlier time has to go first.
    if (held && held.epoch !== command.epoch) return this.#refused('wrong-shard');
    if (!held) this.#shards.add(command, as);
    return this.#accepted();
  }

  #listChanges({ shard: id, epoch }: ListChangesCommand): Applied {
    const shard = this.#shards.get(id);
    if (shard?.epoch !== epoch || shard.state === 'receiving' || shard.state === 'purging') {
      return this.#refused('wrong-shard');
    }
    shard.listedFrom ??= shard.sequence;
    return this.#accepted();
  }

  #fence({ shard: id, epoch }: FenceShardCommand): Applied {
    const shard = this.#shards.get(id);
    const isListed = shard?.epoch === epoch && shard.listedFrom !== undefined;
    if (!isListed || (shard.state !== 'serving' && shard.state !== 'fenced')) {
      return this.#refused('wrong-shard');
    }
    shard.state = 'fenced';
    return this.#accepted();
  }

  #receive(command: ReceivePartCommand, state: Reader): Applied {
    const { shard: id, epoch, number, from, part: bytes } = command;
    const shard = this.#shards.get(id);
    if (shard?.epoch !== epoch || shard.state === 'purging') return this.#refused('wrong-shard');
    // It was taken in already.
    if (shard.state !== 'receiving' || number < shard.parts) return this.#accepted();
    const isNext = number === shard.parts && isSamePlace(from, shard.cursor);
    if (!isNext) return this.#refused('wrong-shard');
    const { items, retries, answers, next, end } = decodeShardPart(bytes);
    const writes: Write[] = [];
    for (const { key, value } of items) {
      const engineKey = itemKey(key);
      const old = state.get(engineKey);
      const { hash } = storagePlace(key);
      const keyHash = itemHash(hash, sortKeyIn(key));
      if (old) countOut(shard, keyHash, old);
      if (value) countIn(shard, keyHash, value);
      writes.push({ key: engineKey, value });
    }
    for (const entry of retries) {
      if (this.#retries.find(entry.token, state)) continue;
      this.#retries.remember(this.#sessions.time, entry, this.#extra);
    }
    for (const answer of answers) {
      this.#sessions.adopt(answer, encodeAgain(this.#sessions.time, outcomeOf(answer.result)));
    }
    shard.cursor = next;
    shard.parts += 1;
    if (end) this.#complete(shard, end);
    return { writes, result: this.#done(undefined) };
  }

  /** With the last part the shard is what it was where it comes from, or it is no good. */
  #complete(shard: Shard, end: ShardEnd): void {
    const isSame =
      shard.items === end.items &&
      shard.bytes === end.bytes &&
      shard.digestHigh === end.digestHigh &&
      shard.digestLow === end.digestLow;
    if (!isSame) {
      const text = ({ items, bytes, digestHigh, digestLow }: SetDigest & ShardCounts) =>
        `${items} items, ${bytes} bytes, digest ${digestHigh} ${digestLow}`;
      throw new Error(`shard ${shard.id} arrived with ${text(shard)}; it left with ${text(end)}`);
    }
    shard.sequence = end.sequence;
    shard.cursor = START;
    shard.parts = 0;
    shard.state = 'serving';
  }

  #purge({ shard: id, epoch, keys, config }: PurgeShardCommand, state: Reader): Applied {
    if (config < this.#shards.config) return this.#refused('wrong-shard');
    this.#shards.follow(config);
    const shard = this.#shards.get(id);
    if (shard?.epoch !== epoch) return this.#accepted();
    shard.state = 'purging';
    const writes: Write[] = [];
    for (const range of [this.#shards.range(shard), changesAfter(id, 0)]) {
      const cursor = state.range({ ...range, keysOnly: true });
      for (let pair = cursor.next(); pair; pair = cursor.next()) {
        if (writes.length === keys) break;
        writes.push({ key: pair.key, value: undefined });
      }
      cursor.close();
    }
    if (writes.length < keys) {
      this.#shards.remove(id);
      writes.push({ key: shardKey(id), value: undefined });
    }
    return { writes, result: this.#done(undefined) };
  }

  #accepted(): Applied {
    return { writes: NOTHING, result: this.#done(undefined) };
  }

  #done(outcome: WriteOutcome | undefined): Uint8Array {
    return encodeResult({ kind: 'done', sessionTime: this.#sessions.time, outcome });
  }

  #refused(kind: Exclude<CommandResult['kind'], 'done'>): Applied {
    const result = encodeResult({ kind, sessionTime: this.#sessions.time });
    return { writes: NOTHING, result };
  }
}

interface ShardCounts {
  items: number;
  bytes: number;
}

/** The item is one of the shard's from now on: `value` is a stored value (stored-value.ts). */
function countIn(shard: Shard, keyHash: Hash64, value: Uint8Array): void {
  shard.items += 1;
  shard.bytes += sizeIn(value);
  addItem(shard, keyHash, value);
}

/** The inverse of {@link countIn}. */
function countOut(shard: Shard, keyHash: Hash64, value: Uint8Array): void {
  shard.items -= 1;
  shard.bytes -= sizeIn(value);
  removeItem(shard, keyHash, value);
}
