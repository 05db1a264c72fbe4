import { ByteReader, ByteWriter, MalformedError, writeU64 } from '../bytes/index.ts';
import {
  type PageOperation,
  readWriteOperation,
  readWriteOutcome,
  storagePlace,
  type WriteOperation,
  type WriteOutcome,
  writeWriteOperation,
  writeWriteOutcome,
} from '../item/index.ts';

import { RETRY_TOKEN_BYTES, type RetryToken } from './retry-token.ts';
import { decodeShardPart, type MoveCursor, readMoveCursor, writeMoveCursor } from './shard-part.ts';

/**
 * The commands of a data group, as entries of its log:
 *
 *     apply-version, u8 · session time, u64 · kind, u8 · fields of the kind
 *
 * The proposing leader fills in the session time (`stampCommand`). A replica that meets an apply-version it does not know
 * stops, since guessing would make it differ from the others.
 */
const APPLY_VERSION = 4;
const TIME_OFFSET = 1;

/** Identifies one try-until-answered of a router, so that it takes effect once (S1). */
export interface SessionTag {
  /** A random number below 2^53, drawn when the router starts. */
  readonly router: number;
  /** Counts the router's commands, over all groups. */
  readonly sequence: number;
  /** Every command of the router below this has its answer and is never sent again. */
  readonly lowestUnanswered: number;
  /** In the group's session time, milliseconds: applied later, the command is refused. */
  readonly deadline: number;
}

export interface WriteCommand extends SessionTag {
  readonly kind: 'write';
  readonly shard: number;
  readonly epoch: number;
  readonly retry: RetryToken | undefined;
  /** Storage key (item/key.ts). */
  readonly key: Uint8Array;
  readonly operation: WriteOperation;
}

interface NewShard {
  readonly shard: number;
  readonly table: number;
  readonly epoch: number;
  /** 16 hex digits; `hashEnd` is exclusive, empty for the last shard. */
  readonly hashStart: string;
  readonly hashEnd: string;
  /** The number of the map that says so; refused after a newer one was followed (C4). */
  readonly config: number;
}

/** The group begins to serve a shard, empty. Harmless when it does already. */
export interface InstallShardCommand extends NewShard {
  readonly kind: 'install-shard';
}

/**
 * The group gets ready to take a shard in from another one, under the epoch that it will have here. Harmless when it is; refused
 * while it holds what is left of the shard from an earlier time.
 */
export interface ReceiveShardCommand extends NewShard {
  readonly kind: 'receive-shard';
}

/**
 * One part of the shard (shard-part.ts): `number` counts them from 0, and it begins at the cursor that the one before ended with: of
 * two that were made for one number, at different moments, one is taken in, and what follows the other is refused. With the last
 * part the group serves the shard.
 */
export interface ReceivePartCommand {
  readonly kind: 'receive-part';
  readonly shard: number;
  readonly epoch: number;
  readonly number: number;
  readonly from: MoveCursor;
  readonly part: Uint8Array;
}

/** The group that serves the shard begins to list what changes in it, for another group that fetches it. Harmless when it does. */
export interface ListChangesCommand {
  readonly kind: 'list-changes';
  readonly shard: number;
  readonly epoch: number;
}

/** It stops serving the shard, for good: another group fetches the rest and serves it under the next epoch. Harmless when it has. */
export interface FenceShardCommand {
  readonly kind: 'fence-shard';
  readonly shard: number;
  readonly epoch: number;
}

/** The group stops serving a shard and deletes up to `keys` of its items; repeated until the shard is gone. */
export interface PurgeShardCommand {
  readonly kind: 'purge-shard';
  readonly shard: number;
  /** A copy under another epoch stays. */
  readonly epoch: number;
  readonly keys: number;
  /** As of a new shard. */
  readonly config: number;
}

/**
 * The group gets ready to divide a shard at a hash, 16 hex digits: it counts up to `keys` of the items below; repeated until all are
 * counted, when it serves two shards in the place of the one, under the next epoch.
 */
export interface SplitShardCommand {
  readonly kind: 'split-shard';
  readonly shard: number;
  readonly epoch: number;
  readonly at: string;
  readonly into: readonly [number, number];
  readonly keys: number;
  /** As of a new shard. */
  readonly config: number;
}

/** The group serves one shard in the place of two neighbours, the first of which has the lower hashes, under the next epoch. */
export interface MergeShardsCommand {
  readonly kind: 'merge-shards';
  readonly from: readonly [ShardEpoch, ShardEpoch];
  readonly into: number;
  /** As of a new shard. */
  readonly config: number;
}

interface ShardEpoch {
  readonly shard: number;
  readonly epoch: number;
}

/** Those by which shards come, change and go. */
export type ShardCommand =
  | InstallShardCommand
  | PurgeShardCommand
  | ListChangesCommand
  | FenceShardCommand
  | ReceiveShardCommand
  | ReceivePartCommand
  | SplitShardCommand
  | MergeShardsCommand;

export type DataCommand = WriteCommand | ShardCommand;

const KINDS = {
  write: 1,
  'install-shard': 2,
  'purge-shard': 3,
  'list-changes': 4,
  'fence-shard': 5,
  'receive-shard': 6,
  'receive-part': 7,
  'split-shard': 8,
  'merge-shards': 9,
} as const;

export function encodeCommand(command: DataCommand): Uint8Array {
  const writer = new ByteWriter(512).u8(APPLY_VERSION).u64(0).u8(KINDS[command.kind]);
  switch (command.kind) {
    case 'write':
      writer
        .u64(command.router)
        .varint(command.sequence)
        .varint(command.lowestUnanswered)
        .varint(command.deadline)
        .varint(command.shard)
        .varint(command.epoch)
        .boolean(command.retry !== undefined);
      if (command.retry) writeRetryToken(writer, command.retry);
      writer.bytes(command.key);
      writeWriteOperation(writer, command.operation);
      break;
    case 'install-shard':
    case 'receive-shard':
      writer
        .varint(command.shard)
        .varint(command.table)
        .varint(command.epoch)
        .text(command.hashStart)
        .text(command.hashEnd)
        .varint(command.config);
      break;
    case 'purge-shard':
      writer
        .varint(command.shard)
        .varint(command.epoch)
        .varint(command.keys)
        .varint(command.config);
      break;
    case 'list-changes':
    case 'fence-shard':
      writer.varint(command.shard).varint(command.epoch);
      break;
    case 'receive-part':
      writer.varint(command.shard).varint(command.epoch).varint(command.number);
      writeMoveCursor(writer, command.from);
      writer.raw(command.part);
      break;
    case 'split-shard':
      writer.varint(command.shard).varint(command.epoch).text(command.at);
      for (const id of command.into) writer.varint(id);
      writer.varint(command.keys).varint(command.config);
      break;
    case 'merge-shards':
      for (const { shard, epoch } of command.from) writer.varint(shard).varint(epoch);
      writer.varint(command.into).varint(command.config);
      break;
  }
  return writer.take();
}

function writeRetryToken(writer: ByteWriter, token: RetryToken): void {
  if (token.length !== RETRY_TOKEN_BYTES) {
    throw new RangeError(`a retry token of ${token.length} bytes`);
  }
  writer.raw(token);
}

/** Writes the session time into an encoded command, in place. */
export function stampCommand(command: Uint8Array, sessionTime: number): void {
  writeU64(command, TIME_OFFSET, sessionTime);
}

/** Throws {@link MalformedError}. */
export function decodeCommand(data: Uint8Array): { sessionTime: number; command: DataCommand } {
  const reader = new ByteReader(data);
  const version = reader.u8();
  if (version !== APPLY_VERSION) throw new MalformedError(`apply-version ${version}`);
  const sessionTime = reader.u64();
  const command = readCommand(reader);
  reader.end();
  return { sessionTime, command };
}

/**
 * Whatever gets into the log must be readable to every replica, for ever: one command that is not would stop them all. So
 * what comes from another node passes here first. Throws {@link MalformedError}.
 */
export function checkCommand(data: Uint8Array): void {
  const { command } = decodeCommand(data);
  if (command.kind === 'write') storagePlace(command.key);
  if (command.kind !== 'receive-part') return;
  for (const { key } of decodeShardPart(command.part).items) storagePlace(key);
}

function readCommand(reader: ByteReader): DataCommand {
  const kind = reader.u8();
  switch (kind) {
    case KINDS.write:
      return {
        kind: 'write',
        router: reader.u64(),
        sequence: reader.varint(),
        lowestUnanswered: reader.varint(),
        deadline: reader.varint(),
        shard: reader.varint(),
        epoch: reader.varint(),
        retry: reader.boolean() ? reader.raw(RETRY_TOKEN_BYTES) : undefined,
        key: reader.bytes(),
        operation: readWriteOperation(reader),
      };
    case KINDS['install-shard']:
      return { kind: 'install-shard', ...readNewShard(reader) };
    case KINDS['receive-shard']:
      return { kind: 'receive-shard', ...readNewShard(reader) };
    case KINDS['purge-shard']:
      return {
        kind: 'purge-shard',
        shard: reader.varint(),
        epoch: reader.varint(),
        keys: reader.varint(),
        config: reader.varint(),
      };
    case KINDS['list-changes']:
      return { kind: 'list-changes', shard: reader.varint(), epoch: reader.varint() };
    case KINDS['fence-shard']:
      return { kind: 'fence-shard', shard: reader.varint(), epoch: reader.varint() };
    case KINDS['receive-part']:
      return {
        kind: 'receive-part',
        shard: reader.varint(),
        epoch: reader.varint(),
        number: reader.varint(),
        from: readMoveCursor(reader),
        part: reader.raw(reader.remaining),
      };
    case KINDS['split-shard']:
      return {
        kind: 'split-shard',
        shard: reader.varint(),
        epoch: reader.varint(),
        at: readHash(reader),
        into: [reader.varint(), reader.varint()],
        keys: reader.varint(),
        config: reader.varint(),
      };
    case KINDS['merge-shards']:
      return {
        kind: 'merge-shards',
        from: [readShardEpoch(reader), readShardEpoch(reader)],
        into: reader.varint(),
        config: reader.varint(),
      };
    default:
      throw new MalformedError(`command kind ${kind}`);
  }
}

function readShardEpoch(reader: ByteReader): ShardEpoch {
  return { shard: reader.varint(), epoch: reader.varint() };
}

function readNewShard(reader: ByteReader): NewShard {
  return {
    shard: reader.varint(),
    table: reader.varint(),
    epoch: reader.varint(),
    hashStart: readHash(reader),
    hashEnd: readHash(reader, ''),
    config: reader.varint(),
  };
}

/** 16 hex digits, or what stands for none. */
function readHash(reader: ByteReader, none?: string): string {
  const text = reader.text();
  if (text !== none && !/^[0-9a-f]{16}$/.test(text)) throw new MalformedError(`hash ${text}`);
  return text;
}

/**
 * What applying a command answers, always with the group's session time, from which routers reckon deadlines.
 * - `done`: `outcome` is there for a write.
 * - `wrong-shard`: the group does not serve the shard under this epoch: get a newer map (S2).
 * - `expired`: past its deadline, or so far before it that the session could not outlive it: nothing was done.
 * - `answered`: the router said earlier that it has this answer: a late duplicate, nothing was done.
 * - `sessions-full`: no room to remember the answer: nothing was done (S1).
 */
export type CommandResult =
  | {
      readonly kind: 'done';
      readonly sessionTime: number;
      readonly outcome: WriteOutcome | undefined;
    }
  | {
      readonly kind: 'wrong-shard' | 'expired' | 'answered' | 'sessions-full';
      readonly sessionTime: number;
    };

/** Status and session time; the rest of a result is its outcome. */
const RESULT_HEADER_BYTES = 9;

const STATUSES = ['done', 'wrong-shard', 'expired', 'answered', 'sessions-full'] as const;

const resultWriter = new ByteWriter(256);

export function encodeResult(result: CommandResult): Uint8Array {
  const writer = resultWriter.reset().u8(STATUSES.indexOf(result.kind)).u64(result.sessionTime);
  if (result.kind === 'done' && result.outcome) writeWriteOutcome(writer, result.outcome);
  return writer.take();
}

/** The outcome's bytes in an encoded `done`: a view. {@link encodeAgain} makes a result of them. */
export function outcomeOf(result: Uint8Array): Uint8Array {
  return result.subarray(RESULT_HEADER_BYTES);
}

/** The `done` of an outcome that {@link outcomeOf} gave, at another time. */
export function encodeAgain(sessionTime: number, outcome: Uint8Array): Uint8Array {
  return resultWriter.reset().u8(STATUSES.indexOf('done')).u64(sessionTime).raw(outcome).take();
}

/** Throws {@link MalformedError}. */
export function decodeResult(bytes: Uint8Array): CommandResult {
  const reader = new ByteReader(bytes);
  const status = reader.u8();
  const kind = STATUSES[status];
  const sessionTime = reader.u64();
  if (kind === undefined) throw new MalformedError(`result status ${status}`);
  if (kind !== 'done') return { kind, sessionTime };
  const outcome = reader.remaining > 0 ? readWriteOutcome(reader) : undefined;
  reader.end();
  return { kind, sessionTime, outcome };
}

/** A page of one shard. */
export interface PageQuery {
  readonly shard: number;
  readonly epoch: number;
  readonly operation: PageOperation;
}
