import {
  type AttributeValue,
  encodeBase64,
  type Item,
  type Parsed,
  parseAttributeMap,
  parseAttributeValue,
} from '../../item/index.ts';
import { serializationError, validationError } from '../errors.ts';
import type { Shape } from './shape.ts';

/** One attribute value, `{"S": …}`. What is wrong with it, apart from JSON types, is kept for {@link accept}. */
export function attributeValue(): Shape<Parsed<AttributeValue>> {
  return {
    decode: (json) => refuseWrongJson(parseAttributeValue(json)),
    check() {},
    print: (parsed) => (parsed.ok ? printValue(parsed.value) : '{}'),
  };
}

/** Names and attribute values: an item or a key. */
export function attributeMap(): Shape<Parsed<Item>> {
  return {
    decode: (json) => refuseWrongJson(parseAttributeMap(json)),
    check() {},
    print: (parsed) => (parsed.ok ? printItem(parsed.value) : '{}'),
  };
}

function refuseWrongJson<T>(parsed: Parsed<T>): Parsed<T> {
  if (!parsed.ok && parsed.problem.kind === 'serialization') {
    throw serializationError(parsed.problem.message);
  }
  return parsed;
}

/** The value, or the ValidationException that parsing it gave, whose turn comes after the constraints. */
export function accept<T>(parsed: Parsed<T>, prefix = ''): T {
  if (!parsed.ok) throw validationError(prefix + parsed.problem.message);
  return parsed.value;
}

function printItem(item: Item): string {
  return `{${Array.from(item, ([name, value]) => `${name}=${printValue(value)}`).join(', ')}}`;
}

const JAVA_FIELDS = {
  S: 's',
  N: 'n',
  B: 'b',
  SS: 'sS',
  NS: 'nS',
  BS: 'bS',
  M: 'm',
  L: 'l',
  NULL: 'nULL',
  BOOL: 'bOOL',
} as const;

function printValue(value: AttributeValue): string {
  const fields = Object.entries(JAVA_FIELDS).map(
    ([type, field]) => `${field}=${type === value.type ? printContent(value) : 'null'}`,
  );
  return `AttributeValue(${fields.join(', ')})`;
}

function printContent(value: AttributeValue): string {
  switch (value.type) {
    case 'S':
    case 'N':
      return value.value;
    case 'B':
      return encodeBase64(value.value);
    case 'BOOL':
      return String(value.value);
    case 'NULL':
      return 'true';
    case 'SS':
    case 'NS':
      return `[${value.value.join(', ')}]`;
    case 'BS':
      return `[${value.value.map(encodeBase64).join(', ')}]`;
    case 'L':
      return `[${value.value.map(printValue).join(', ')}]`;
    case 'M':
      return printItem(value.value);
  }
}
