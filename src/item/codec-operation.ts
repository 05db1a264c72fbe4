import { type ByteReader, type ByteWriter, MalformedError } from '../bytes/index.ts';
import {
  readCondition,
  readProjection,
  readUpdate,
  writeCondition,
  writeProjection,
  writeUpdate,
} from './codec-expression.ts';
import { readAttributeMap, readList, writeAttributeMap } from './codec-value.ts';
import type {
  PageOperation,
  PageOutcome,
  ReturnValues,
  StoredItem,
  WriteOperation,
  WriteOutcome,
} from './operation.ts';

/**
 * Operations and outcomes as bytes, inside the commands and queries of store/, which put a version in front.
 *
 *     write operation   kind, u8 · flags, u8 · condition? · fields of the kind
 *     write outcome     kind, u8 · fields of the kind
 *     page operation    flags, u8 · from · to · limit · maxBytes · filter? · projection?
 *     page outcome      items · count · scannedCount · bytesRead · lastKey?
 *
 * Flags say which of the optional parts are there. What is read are views of the bytes it was read from.
 */
const OPERATIONS = ['put', 'delete', 'update'] as const satisfies readonly WriteOperation['kind'][];

const OUTCOMES = [
  'written',
  'condition-failed',
  'invalid',
] as const satisfies readonly WriteOutcome['kind'][];

const RETURN_VALUES = [
  'NONE',
  'ALL_OLD',
  'ALL_NEW',
  'UPDATED_OLD',
  'UPDATED_NEW',
] as const satisfies readonly ReturnValues[];

// Flags of a write operation; the three highest bits hold the position in RETURN_VALUES.
const HAS_CONDITION = 1;
const RETURN_ON_FAILURE = 2;
const WRITE_FLAGS = HAS_CONDITION | RETURN_ON_FAILURE;
const RETURN_VALUES_SHIFT = 5;

// Flags of a page operation.
const REVERSE = 1;
const COUNT_ONLY = 2;
const HAS_FILTER = 4;
const HAS_PROJECTION = 8;
const PAGE_FLAGS = REVERSE | COUNT_ONLY | HAS_FILTER | HAS_PROJECTION;

export function writeWriteOperation(writer: ByteWriter, operation: WriteOperation): void {
  const { condition, returnItemOnConditionFailure, returnValues } = operation;
  writer
    .u8(OPERATIONS.indexOf(operation.kind))
    .u8(
      (condition ? HAS_CONDITION : 0) |
        (returnItemOnConditionFailure ? RETURN_ON_FAILURE : 0) |
        (RETURN_VALUES.indexOf(returnValues) << RETURN_VALUES_SHIFT),
    );
  if (condition) writeCondition(writer, condition);
  switch (operation.kind) {
    case 'put':
      writer.varint(operation.item.size).bytes(operation.item.json);
      break;
    case 'delete':
      break;
    case 'update':
      writeAttributeMap(writer, operation.key);
      writeUpdate(writer, operation.update);
      break;
  }
}

/** Throws {@link MalformedError}. */
export function readWriteOperation(reader: ByteReader): WriteOperation {
  const kind = readKind(reader, OPERATIONS);
  const flags = reader.u8();
  const returnValues = RETURN_VALUES[flags >> RETURN_VALUES_SHIFT];
  if (returnValues === undefined || (flags & 0x1f & ~WRITE_FLAGS) !== 0) {
    throw new MalformedError(`flags ${flags} of a write`);
  }
  const returnItemOnConditionFailure = (flags & RETURN_ON_FAILURE) !== 0;
  const condition = (flags & HAS_CONDITION) !== 0 ? readCondition(reader) : undefined;
  if (kind === 'update') {
    const key = readAttributeMap(reader);
    const update = readUpdate(reader);
    return { kind, condition, returnItemOnConditionFailure, returnValues, key, update };
  }
  if (returnValues !== 'NONE' && returnValues !== 'ALL_OLD') {
    throw new MalformedError(`a ${kind} that returns ${returnValues}`);
  }
  if (kind === 'delete') return { kind, condition, returnItemOnConditionFailure, returnValues };
  const item = readStoredItem(reader);
  return { kind, condition, returnItemOnConditionFailure, returnValues, item };
}

export function writeWriteOutcome(writer: ByteWriter, outcome: WriteOutcome): void {
  writer.u8(OUTCOMES.indexOf(outcome.kind));
  switch (outcome.kind) {
    case 'written':
      writer.varint(outcome.sizeBefore).varint(outcome.sizeAfter);
      writeOptional(writer, outcome.attributes);
      break;
    case 'condition-failed':
      writer.varint(outcome.sizeBefore);
      writeOptional(writer, outcome.item);
      break;
    case 'invalid':
      writer.text(outcome.message);
      break;
  }
}

/** Throws {@link MalformedError}. */
export function readWriteOutcome(reader: ByteReader): WriteOutcome {
  const kind = readKind(reader, OUTCOMES);
  switch (kind) {
    case 'written': {
      const sizeBefore = reader.varint();
      const sizeAfter = reader.varint();
      return { kind, sizeBefore, sizeAfter, attributes: readOptional(reader) };
    }
    case 'condition-failed': {
      const sizeBefore = reader.varint();
      return { kind, sizeBefore, item: readOptional(reader) };
    }
    case 'invalid':
      return { kind, message: reader.text() };
  }
}

export function writePageOperation(writer: ByteWriter, operation: PageOperation): void {
  const { reverse, countOnly, filter, projection } = operation;
  writer
    .u8(
      (reverse ? REVERSE : 0) |
        (countOnly ? COUNT_ONLY : 0) |
        (filter ? HAS_FILTER : 0) |
        (projection ? HAS_PROJECTION : 0),
    )
    .bytes(operation.from)
    .bytes(operation.to)
    .varint(operation.limit)
    .varint(operation.maxBytes);
  if (filter) writeCondition(writer, filter);
  if (projection) writeProjection(writer, projection);
}

/** Throws {@link MalformedError}. */
export function readPageOperation(reader: ByteReader): PageOperation {
  const flags = reader.u8();
  if ((flags & ~PAGE_FLAGS) !== 0) throw new MalformedError(`flags ${flags} of a page`);
  return {
    from: reader.bytes(),
    to: reader.bytes(),
    limit: reader.varint(),
    maxBytes: reader.varint(),
    reverse: (flags & REVERSE) !== 0,
    countOnly: (flags & COUNT_ONLY) !== 0,
    filter: (flags & HAS_FILTER) !== 0 ? readCondition(reader) : undefined,
    projection: (flags & HAS_PROJECTION) !== 0 ? readProjection(reader) : undefined,
  };
}

export function writePageOutcome(writer: ByteWriter, outcome: PageOutcome): void {
  writer.varint(outcome.items.length);
  for (const item of outcome.items) writer.bytes(item);
  writer.varint(outcome.count).varint(outcome.scannedCount).varint(outcome.bytesRead);
  writeOptional(writer, outcome.lastKey);
}

/** Throws {@link MalformedError}. */
export function readPageOutcome(reader: ByteReader): PageOutcome {
  return {
    items: readList(reader, () => reader.bytes()),
    count: reader.varint(),
    scannedCount: reader.varint(),
    bytesRead: reader.varint(),
    lastKey: readOptional(reader),
  };
}

function readStoredItem(reader: ByteReader): StoredItem {
  const size = reader.varint();
  return { json: reader.bytes(), size };
}

function writeOptional(writer: ByteWriter, bytes: Uint8Array | undefined): void {
  writer.boolean(bytes !== undefined);
  if (bytes) writer.bytes(bytes);
}

function readOptional(reader: ByteReader): Uint8Array | undefined {
  return reader.boolean() ? reader.bytes() : undefined;
}

function readKind<T>(reader: ByteReader, kinds: readonly T[]): T {
  const tag = reader.u8();
  const kind = kinds[tag];
  if (kind === undefined) throw new MalformedError(`operation tag ${tag}`);
  return kind;
}
