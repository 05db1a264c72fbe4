import { type ByteReader, type ByteWriter, MalformedError } from '../bytes/index.ts';
import { readList, readType, readValue, TYPE_TAGS, writeValue } from './codec-value.ts';
import { MAX_EXPRESSION_LEVELS } from './evaluate.ts';
import type {
  Comparator,
  Condition,
  Operand,
  Path,
  Projection,
  SetValue,
  Update,
  UpdateAction,
} from './expression.ts';

/**
 * Expression trees as bytes: a tag for each node, then its parts in the order of the type's fields. The tables below are
 * part of the log's format: append, never reorder.
 */
const COMPARATORS = ['=', '<>', '<', '<=', '>', '>='] as const satisfies readonly Comparator[];

const CONDITIONS = [
  'compare',
  'between',
  'in',
  'attribute_exists',
  'attribute_not_exists',
  'attribute_type',
  'begins_with',
  'contains',
  'and',
  'or',
  'not',
] as const satisfies readonly Condition['kind'][];

const SET_VALUES = [
  'path',
  'value',
  'size',
  'if_not_exists',
  'list_append',
  'plus',
  'minus',
] as const satisfies readonly SetValue['kind'][];

const ACTIONS = [
  'set',
  'remove',
  'add',
  'delete',
] as const satisfies readonly UpdateAction['kind'][];

const NAME = 0;
const POSITION = 1;

export function writeCondition(writer: ByteWriter, condition: Condition, level = 1): void {
  assertLevel(level);
  writer.u8(CONDITIONS.indexOf(condition.kind));
  switch (condition.kind) {
    case 'compare':
      writer.u8(COMPARATORS.indexOf(condition.comparator));
      writeOperand(writer, condition.left);
      writeOperand(writer, condition.right);
      break;
    case 'between':
      writeOperand(writer, condition.operand);
      writeOperand(writer, condition.low);
      writeOperand(writer, condition.high);
      break;
    case 'in':
      writeOperand(writer, condition.operand);
      writer.varint(condition.candidates.length);
      for (const candidate of condition.candidates) writeOperand(writer, candidate);
      break;
    case 'attribute_exists':
    case 'attribute_not_exists':
      writePath(writer, condition.path);
      break;
    case 'attribute_type':
      writePath(writer, condition.path);
      writer.u8(TYPE_TAGS[condition.type]);
      break;
    case 'begins_with':
      writeOperand(writer, condition.operand);
      writeOperand(writer, condition.prefix);
      break;
    case 'contains':
      writeOperand(writer, condition.operand);
      writeOperand(writer, condition.member);
      break;
    case 'and':
    case 'or':
      writer.varint(condition.terms.length);
      for (const term of condition.terms) writeCondition(writer, term, level + 1);
      break;
    case 'not':
      writeCondition(writer, condition.term, level + 1);
      break;
  }
}

/** Throws {@link MalformedError}. */
export function readCondition(reader: ByteReader, level = 1): Condition {
  checkLevel(level);
  const kind = readTag(reader, CONDITIONS);
  switch (kind) {
    case 'compare': {
      const comparator = readTag(reader, COMPARATORS);
      return { kind, comparator, left: readOperand(reader), right: readOperand(reader) };
    }
    case 'between': {
      const operand = readOperand(reader);
      return { kind, operand, low: readOperand(reader), high: readOperand(reader) };
    }
    case 'in': {
      const operand = readOperand(reader);
      return { kind, operand, candidates: readList(reader, () => readOperand(reader)) };
    }
    case 'attribute_exists':
    case 'attribute_not_exists':
      return { kind, path: readPath(reader) };
    case 'attribute_type': {
      const path = readPath(reader);
      return { kind, path, type: readType(reader) };
    }
    case 'begins_with': {
      const operand = readOperand(reader);
      return { kind, operand, prefix: readOperand(reader) };
    }
    case 'contains': {
      const operand = readOperand(reader);
      return { kind, operand, member: readOperand(reader) };
    }
    case 'and':
    case 'or':
      return { kind, terms: readList(reader, () => readCondition(reader, level + 1)) };
    case 'not':
      return { kind, term: readCondition(reader, level + 1) };
  }
}

export function writeUpdate(writer: ByteWriter, update: Update): void {
  writer.varint(update.length);
  for (const action of update) {
    writer.u8(ACTIONS.indexOf(action.kind));
    writePath(writer, action.path);
    if (action.kind === 'set') writeSetValue(writer, action.value, 1);
    else if (action.kind !== 'remove') writeValue(writer, action.value);
  }
}

/** Throws {@link MalformedError}. */
export function readUpdate(reader: ByteReader): Update {
  return readList(reader, (): UpdateAction => {
    const kind = readTag(reader, ACTIONS);
    const path = readPath(reader);
    switch (kind) {
      case 'set':
        return { kind, path, value: readSetValue(reader, 1) };
      case 'remove':
        return { kind, path };
      case 'add':
      case 'delete':
        return { kind, path, value: readValue(reader) };
    }
  });
}

export function writeProjection(writer: ByteWriter, projection: Projection): void {
  writer.varint(projection.length);
  for (const path of projection) writePath(writer, path);
}

/** Throws {@link MalformedError}. */
export function readProjection(reader: ByteReader): Projection {
  return readList(reader, () => readPath(reader));
}

function writeSetValue(writer: ByteWriter, value: SetValue, level: number): void {
  assertLevel(level);
  writer.u8(SET_VALUES.indexOf(value.kind));
  switch (value.kind) {
    case 'path':
    case 'size':
      writePath(writer, value.path);
      break;
    case 'value':
      writeValue(writer, value.value);
      break;
    case 'if_not_exists':
      writePath(writer, value.path);
      writeSetValue(writer, value.otherwise, level + 1);
      break;
    case 'list_append':
      writeSetValue(writer, value.first, level + 1);
      writeSetValue(writer, value.second, level + 1);
      break;
    case 'plus':
    case 'minus':
      writeSetValue(writer, value.left, level + 1);
      writeSetValue(writer, value.right, level + 1);
      break;
  }
}

function readSetValue(reader: ByteReader, level: number): SetValue {
  checkLevel(level);
  const kind = readTag(reader, SET_VALUES);
  switch (kind) {
    case 'path':
    case 'size':
      return { kind, path: readPath(reader) };
    case 'value':
      return { kind, value: readValue(reader) };
    case 'if_not_exists': {
      const path = readPath(reader);
      return { kind, path, otherwise: readSetValue(reader, level + 1) };
    }
    case 'list_append': {
      const first = readSetValue(reader, level + 1);
      return { kind, first, second: readSetValue(reader, level + 1) };
    }
    case 'plus':
    case 'minus': {
      const left = readSetValue(reader, level + 1);
      return { kind, left, right: readSetValue(reader, level + 1) };
    }
  }
}

// An operand has the form that it has as the value of SET.
function writeOperand(writer: ByteWriter, operand: Operand): void {
  writeSetValue(writer, operand, 1);
}

function readOperand(reader: ByteReader): Operand {
  const kind = readTag(reader, SET_VALUES);
  switch (kind) {
    case 'path':
    case 'size':
      return { kind, path: readPath(reader) };
    case 'value':
      return { kind, value: readValue(reader) };
    default:
      throw new MalformedError(`${kind} as an operand`);
  }
}

function writePath(writer: ByteWriter, path: Path): void {
  writer.varint(path.length);
  for (const step of path) {
    if (typeof step === 'string') writer.u8(NAME).text(step);
    else writer.u8(POSITION).varint(step);
  }
}

function readPath(reader: ByteReader): Path {
  const [name, ...steps] = readList(reader, () => {
    const tag = reader.u8();
    if (tag > POSITION) throw new MalformedError(`path step ${tag}`);
    return tag === NAME ? reader.text() : reader.varint();
  });
  if (typeof name !== 'string') throw new MalformedError('a path that begins with no name');
  return [name, ...steps];
}

function readTag<T>(reader: ByteReader, tags: readonly T[]): T {
  const tag = reader.u8();
  const kind = tags[tag];
  if (kind === undefined) throw new MalformedError(`expression tag ${tag}`);
  return kind;
}

function checkLevel(level: number): void {
  if (level > MAX_EXPRESSION_LEVELS) {
    throw new MalformedError(`an expression nested ${level} levels`);
  }
}

/** What is written comes from the parser, which lets nothing deeper through. */
function assertLevel(level: number): void {
  if (level > MAX_EXPRESSION_LEVELS) throw new RangeError(`an expression nested ${level} levels`);
}
