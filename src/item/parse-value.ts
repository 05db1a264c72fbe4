import { byteLengthUtf8, compareBytes } from '../bytes/index.ts';
import { decodeBase64 } from './base64.ts';
import { MAX_VALUE_LEVELS } from './compare.ts';
import { parseNumber } from './number.ts';
import { sortedSet, textOrder } from './sets.ts';
import { MAX_ATTRIBUTE_NAME_BYTES } from './size.ts';
import { wellFormed } from './text.ts';
import type { AttributeValue, Item } from './value.ts';

/** `serialization`: the JSON has the wrong types (SerializationException). `validation`: a ValidationException. */
export interface ValueProblem {
  readonly kind: 'serialization' | 'validation';
  readonly message: string;
}

export type Parsed<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: ValueProblem };

/** Checks one attribute value of a request, `{"S": …}`, after JSON.parse. */
export function parseAttributeValue(input: unknown): Parsed<AttributeValue> {
  return parse((parser) => parser.value(input, 1));
}

/** Checks a map of names and attribute values of a request: an item, or the key of one. */
export function parseAttributeMap(input: unknown): Parsed<Item> {
  return parse((parser) => parser.attributes(input, 1));
}

function parse<T>(run: (parser: ValueParser) => T): Parsed<T> {
  const parser = new ValueParser();
  try {
    const value = run(parser);
    const message = parser.firstInvalid;
    if (message === undefined) return { ok: true, value };
    return { ok: false, problem: { kind: 'validation', message } };
  } catch (error) {
    if (!(error instanceof WrongJson)) throw error;
    return { ok: false, problem: { kind: 'serialization', message: error.message } };
  }
}

/** Leaves the parser at once: DynamoDB looks at the JSON types of the whole value before it validates any of it. */
class WrongJson extends Error {}

const INVALID = 'One or more parameter values were invalid: ';
const EMPTY_VALUE =
  'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes';
const SEVERAL_TYPES =
  'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes';
const TOO_DEEP =
  'Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit';

const NULL: AttributeValue = { type: 'NULL' };
const TRUE: AttributeValue = { type: 'BOOL', value: true };
const FALSE: AttributeValue = { type: 'BOOL', value: false };

class ValueParser {
  /** The first problem of validation; parsing goes on, since wrong JSON further on would come first. */
  firstInvalid: string | undefined = undefined;

  /** `level` counts from 1; values below {@link MAX_VALUE_LEVELS} are not looked at. */
  value(input: unknown, level: number): AttributeValue {
    if (input === null || input === undefined) return this.#invalid(EMPTY_VALUE);
    if (typeof input !== 'object') throw new WrongJson('Unexpected value type in payload');
    if (Array.isArray(input)) {
      throw new WrongJson('Unrecognized collection type class java.util.ArrayList');
    }
    if (level > MAX_VALUE_LEVELS) return this.#invalid(TOO_DEEP);
    const fields = input as Readonly<Record<string, unknown>>;
    let value: AttributeValue | undefined;
    for (const type of Object.keys(fields)) {
      const content = fields[type];
      // A null is an absent field, and so is a field that no type has the name of.
      if (content === null || content === undefined) continue;
      const parsed = this.#content(type, content, level);
      if (!parsed) continue;
      if (value) return this.#invalid(SEVERAL_TYPES);
      value = parsed;
    }
    return value ?? this.#invalid(EMPTY_VALUE);
  }

  attributes(input: unknown, level: number): Map<string, AttributeValue> {
    if (typeof input !== 'object' || input === null) throw new WrongJson('Unexpected field type');
    if (Array.isArray(input)) {
      throw new WrongJson('Unrecognized collection type class java.util.ArrayList');
    }
    const fields = input as Readonly<Record<string, unknown>>;
    const attributes = new Map<string, AttributeValue>();
    for (const name of Object.keys(fields)) {
      this.#checkName(name);
      attributes.set(wellFormed(name), this.value(fields[name], level));
    }
    return attributes;
  }

  #content(type: string, content: unknown, level: number): AttributeValue | undefined {
    switch (type) {
      case 'S':
        return { type, value: text(content) };
      case 'N':
        return { type, value: this.#number(text(content)) };
      case 'B':
        return { type, value: binary(content) };
      case 'BOOL':
        return boolean(content) ? TRUE : FALSE;
      case 'NULL':
        if (boolean(content)) return NULL;
        return this.#invalid(`${INVALID}Null attribute value types must have the value of true`);
      case 'SS':
        return this.#stringSet(list(content).map(text));
      case 'NS':
        return this.#numberSet(list(content).map(text));
      case 'BS':
        return this.#binarySet(list(content));
      case 'L':
        return { type, value: list(content).map((element) => this.value(element, level + 1)) };
      case 'M':
        return { type, value: this.attributes(content, level + 1) };
      default:
        return undefined;
    }
  }

  #number(written: string): string {
    const result = parseNumber(written);
    if (result.ok) return result.canonical;
    this.#invalid(result.message);
    return '0';
  }

  #stringSet(members: readonly string[]): AttributeValue {
    if (members.length === 0) {
      return this.#invalid(`${INVALID}An string set  may not be empty`);
    }
    const value = sortedSet(members, textOrder('SS'));
    if (value) return { type: 'SS', value };
    return this.#invalid(`${INVALID}Input collection [${members.join(', ')}] contains duplicates.`);
  }

  #numberSet(members: readonly string[]): AttributeValue {
    if (members.length === 0) {
      return this.#invalid(`${INVALID}An number set  may not be empty`);
    }
    const numbers = members.map((member) => this.#number(member));
    const value = sortedSet(numbers, textOrder('NS'));
    return value ? { type: 'NS', value } : this.#invalid('Input collection contains duplicates');
  }

  #binarySet(members: readonly unknown[]): AttributeValue {
    if (members.length === 0) {
      return this.#invalid(`${INVALID}Binary sets should not be empty`);
    }
    const value = sortedSet(members.map(binary), compareBytes);
    if (value) return { type: 'BS', value };
    return this.#invalid(
      `${INVALID}Input collection [${members.join(', ')}]of type BS contains duplicates.`,
    );
  }

  #checkName(name: string): void {
    if (name === '') {
      this.#invalid(`${INVALID}Attribute name must not be empty`);
    } else if (3 * name.length > MAX_ATTRIBUTE_NAME_BYTES) {
      if (byteLengthUtf8(name) > MAX_ATTRIBUTE_NAME_BYTES) {
        this.#invalid(`${INVALID}Attribute name is too large, must be less than 65536 bytes`);
      }
    }
  }

  /** Notes the problem and gives a value to go on with, which is never handed out. */
  #invalid(message: string): AttributeValue {
    this.firstInvalid ??= message;
    return NULL;
  }
}

function text(content: unknown): string {
  if (typeof content === 'string') return wellFormed(content);
  if (typeof content === 'number')
    throw new WrongJson(`${numberToken(content)} cannot be converted to String`);
  if (typeof content === 'boolean') {
    throw new WrongJson(`${content ? 'TRUE_VALUE' : 'FALSE_VALUE'} cannot be converted to String`);
  }
  throw structure(content, 'class java.lang.String');
}

function numberToken(value: number): string {
  return Number.isInteger(value) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE';
}

function boolean(content: unknown): boolean {
  if (typeof content === 'boolean') return content;
  if (typeof content === 'string') throw new WrongJson('Unexpected token received from parser');
  if (typeof content === 'number') {
    throw new WrongJson(`${numberToken(content)} cannot be converted to Boolean`);
  }
  throw structure(content, 'class java.lang.Boolean');
}

function binary(content: unknown): Uint8Array {
  if (typeof content !== 'string') {
    if (typeof content === 'object' && content !== null) {
      throw structure(content, 'class java.nio.ByteBuffer');
    }
    throw new WrongJson('only base-64-encoded strings are convertible to bytes');
  }
  const result = decodeBase64(content);
  if (!result.ok) throw new WrongJson(result.message);
  return result.bytes;
}

function list(content: unknown): readonly unknown[] {
  if (Array.isArray(content)) return content;
  if (typeof content === 'object') {
    throw new WrongJson('Start of structure or map found where not expected.');
  }
  throw new WrongJson('Unexpected field type');
}

function structure(content: unknown, wanted: string): WrongJson {
  if (Array.isArray(content)) return new WrongJson(`Unrecognized collection type ${wanted}`);
  return new WrongJson('Start of structure or map found where not expected.');
}
