import { compareBytes } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import { hashBound, hashFromHex } from '../item/index.ts';
import {
  encodeAgain,
  type FenceShardCommand,
  type InstallShardCommand,
  type ListChangesCommand,
  type MergeShardsCommand,
  outcomeOf,
  type PurgeShardCommand,
  type ReceivePartCommand,
  type ReceiveShardCommand,
  type ShardCommand,
  type SplitShardCommand,
} from './command.ts';
import {
  contentsText,
  countIn,
  countOut,
  differenceOf,
  isSameContents,
  itemHashIn,
  noContents,
  sumOf,
} from './contents.ts';
import { afterKey, changesAfter, itemKey, sequenceIn, shardKey, storageKeyOf } from './keys.ts';
import type { Retries } from './retries.ts';
import type { Sessions } from './sessions.ts';
import {
  decodeShardPart,
  isSamePlace,
  type MoveCursor,
  type ShardEnd,
  START,
} from './shard-part.ts';
import type { LowerPart, Shard, ShardState, Shards } from './shards.ts';

const NOTHING: readonly Write[] = [];

/** How a group's shards come, move, split, merge and go: one command is one step, and repeating it does no harm. */
export class ShardLifecycle {
  readonly #shards: Shards;
  readonly #retries: Retries;
  readonly #sessions: Sessions;

  constructor(shards: Shards, retries: Retries, sessions: Sessions) {
    this.#shards = shards;
    this.#retries = retries;
    this.#sessions = sessions;
  }

  /** What is to be written; undefined: the command is refused, since it is not for the shards as they are here. */
  apply(command: ShardCommand, state: Reader): readonly Write[] | undefined {
    switch (command.kind) {
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
      case 'split-shard':
        return this.#split(command, state);
      case 'merge-shards':
        return this.#merge(command);
    }
  }

  #add(command: InstallShardCommand | ReceiveShardCommand, as: ShardState) {
    if (!this.#follows(command)) return undefined;
    const held = this.#shards.get(command.shard);
    // What is left of it from an earlier time has to go first.
    if (held && held.epoch !== command.epoch) return undefined;
    if (!held) this.#shards.install(command, as);
    return NOTHING;
  }

  #listChanges({ shard: id, epoch }: ListChangesCommand) {
    const shard = this.#shards.get(id);
    if (shard?.epoch !== epoch || shard.state === 'receiving' || shard.state === 'purging') {
      return undefined;
    }
    shard.listedFrom ??= shard.sequence;
    return NOTHING;
  }

  #fence({ shard: id, epoch }: FenceShardCommand) {
    const shard = this.#shards.get(id);
    const isListed = shard?.epoch === epoch && shard.listedFrom !== undefined;
    if (!isListed || (shard.state !== 'serving' && shard.state !== 'fenced')) return undefined;
    shard.state = 'fenced';
    return NOTHING;
  }

  #receive(command: ReceivePartCommand, state: Reader) {
    const { shard: id, epoch, number, from, part: bytes } = command;
    const shard = this.#shards.get(id);
    if (shard?.epoch !== epoch || shard.state === 'purging') return undefined;
    // It was taken in already.
    if (shard.state !== 'receiving' || number < shard.parts) return NOTHING;
    const isNext = number === shard.parts && isSamePlace(from, shard.cursor);
    if (!isNext) return undefined;
    const { items, retries, answers, next, end } = decodeShardPart(bytes);
    const writes: Write[] = [];
    for (const { key, value } of items) {
      const engineKey = itemKey(key);
      const old = state.get(engineKey);
      const hash = itemHashIn(key);
      if (old) countOut(shard, hash, old);
      if (value) countIn(shard, hash, value);
      writes.push({ key: engineKey, value });
    }
    // All are looked for before one is remembered: that may close blocks, which are not in the state before this entry is applied.
    const unknown = retries.filter(({ token }) => !this.#retries.find(token, state));
    for (const entry of unknown) this.#retries.remember(this.#sessions.time, entry, writes);
    for (const answer of answers) {
      this.#sessions.adopt(answer, encodeAgain(this.#sessions.time, outcomeOf(answer.result)));
    }
    shard.cursor = next;
    shard.parts += 1;
    if (end) complete(shard, end);
    return writes;
  }

  #purge(command: PurgeShardCommand, state: Reader) {
    if (!this.#follows(command)) return undefined;
    const { shard: id, epoch, keys } = command;
    const shard = this.#shards.get(id);
    if (shard?.epoch !== epoch) return NOTHING;
    if (shard.state !== 'purging') {
      shard.state = 'purging';
      shard.cursor = START;
      shard.parts = 0;
      shard.lower = undefined;
    }
    const writes: Write[] = [];
    const { from, changes } = shard.cursor;
    // From where the last step ended: what was deleted before it is still to be looked through while it is not flushed.
    const ranges = [...(from ? [this.#shards.range(shard, from)] : []), changesAfter(id, changes)];
    for (const range of ranges) {
      const cursor = state.range({ ...range, keysOnly: true });
      for (let pair = cursor.next(); pair && writes.length < keys; pair = cursor.next()) {
        writes.push({ key: pair.key, value: undefined });
      }
      cursor.close();
    }
    const last = writes.at(-1);
    if (last && writes.length === keys) {
      shard.cursor = cursorAfter(last.key, shard);
    } else {
      this.#shards.remove(id);
      writes.push({ key: shardKey(id), value: undefined });
    }
    return writes;
  }

  #split(command: SplitShardCommand, state: Reader) {
    if (!this.#follows(command)) return undefined;
    const { shard: id, epoch, at, into, keys } = command;
    const shard = this.#idle(id, epoch);
    if (!shard) return undefined;
    const { table, hashStart, hashEnd } = shard;
    const isInside = at > hashStart && this.#shards.covers(shard, { table, hash: hashFromHex(at) });
    if (!isInside) return undefined;
    if (shard.lower?.at !== at) {
      const next = storageKeyOf(this.#shards.range(shard).from);
      shard.lower = { at, next, ...noContents() };
    }
    if (!countMore(shard.lower, table, keys, state)) return NOTHING;

    const upper = differenceOf(shard, shard.lower);
    const range = { table, epoch: epoch + 1 };
    const [lowerId, upperId] = into;
    this.#shards.remove(id);
    this.#shards.serve(
      { ...range, id: lowerId, hashStart, hashEnd: at },
      shard.lower,
      shard.sequence,
    );
    this.#shards.serve({ ...range, id: upperId, hashStart: at, hashEnd }, upper, shard.sequence);
    return [{ key: shardKey(id), value: undefined }];
  }

  #merge(command: MergeShardsCommand) {
    if (!this.#follows(command)) return undefined;
    const [lower, upper] = command.from.map(({ shard, epoch }) => this.#idle(shard, epoch));
    if (!lower || !upper || lower.table !== upper.table) return undefined;
    if (lower.hashEnd !== upper.hashStart) return undefined;
    const range = {
      id: command.into,
      table: lower.table,
      epoch: Math.max(lower.epoch, upper.epoch) + 1,
      hashStart: lower.hashStart,
      hashEnd: upper.hashEnd,
    };
    for (const { id } of [lower, upper]) this.#shards.remove(id);
    const sequence = Math.max(lower.sequence, upper.sequence) + 1;
    this.#shards.serve(range, sumOf(lower, upper), sequence);
    return [lower, upper].map(({ id }) => ({ key: shardKey(id), value: undefined }));
  }

  /** Served, and nothing is under way with it. */
  #idle(id: number, epoch: number): Shard | undefined {
    const shard = this.#shards.get(id);
    const isIdle = shard?.state === 'serving' && shard.listedFrom === undefined;
    return isIdle && shard.epoch === epoch ? shard : undefined;
  }

  /** Plans of an older map than what was followed last are none (C4). */
  #follows({ config }: { readonly config: number }): boolean {
    if (config < this.#shards.config) return false;
    this.#shards.follow(config);
    return true;
  }
}

/** With the last part the shard is what it was where it comes from, or it is no good. */
function complete(shard: Shard, end: ShardEnd): void {
  if (!isSameContents(shard, end)) {
    throw new Error(
      `shard ${shard.id} arrived with ${contentsText(shard)}; it left with ${contentsText(end)}`,
    );
  }
  shard.sequence = end.sequence;
  shard.cursor = START;
  shard.parts = 0;
  shard.state = 'serving';
}

/** Up to so many items more. True: all are counted. */
function countMore(lower: LowerPart, table: number, keys: number, state: Reader): boolean {
  const end = hashBound(table, hashFromHex(lower.at));
  const cursor = state.range({ from: itemKey(lower.next), to: itemKey(end) });
  try {
    for (let left = keys; left > 0; left--) {
      const pair = cursor.next();
      if (!pair) return true;
      const key = storageKeyOf(pair.key);
      countIn(lower, itemHashIn(key), pair.value);
      lower.next = afterKey(key);
    }
    return false;
  } finally {
    cursor.close();
  }
}

/** Where the purge goes on after this engine key: an item's, or a listed change's, which come last. */
function cursorAfter(key: Uint8Array, { id, cursor }: Shard): MoveCursor {
  const changes = changesAfter(id, 0);
  if (compareBytes(key, changes.from) < 0) return { ...cursor, from: afterKey(storageKeyOf(key)) };
  return { ...cursor, from: undefined, changes: sequenceIn(key) };
}
