import { serializationError } from '../errors.ts';
import { lengthAtLeast, lengthAtMost, Sketch, type Violations } from '../validate/violations.ts';

/**
 * What a parameter may be: one declaration gives its type in TypeScript, the conversion from JSON and the constraints.
 * All of a request is decoded before any of it is checked, since DynamoDB speaks of wrong JSON types first.
 */
export interface Shape<T> {
  /** Throws SerializationException unless the JSON has the right type. `place` only changes the words. */
  decode(json: unknown, place: Place): T;
  /** Notes every constraint that a decoded value breaks. */
  check(value: T, path: string, violations: Violations): void;
  /** Writes the value as Java prints it, for messages. */
  print(value: T, sketch: Sketch): void;
  /** What such a field breaks is named alone: nothing after it is checked. */
  readonly decisive?: true;
}

export function printed<T>(shape: Shape<T>, value: T): string {
  const sketch = new Sketch();
  shape.print(value, sketch);
  return sketch.text;
}

/** `field`: of a structure; `value`: a member of a list or a map. */
export type Place = 'field' | 'value';

export type Decoded<S> = S extends Shape<infer T> ? T : never;

const OBJECT_UNEXPECTED = 'Start of structure or map found where not expected';

/** For a scalar's place: names the token that stands there, as DynamoDB's parser does. */
function wrongToken(json: unknown, wanted: 'String' | 'Boolean' | 'Integer' | 'Long'): Error {
  return serializationError(
    Array.isArray(json)
      ? `Unrecognized collection type class java.lang.${wanted}`
      : typeof json === 'object'
        ? OBJECT_UNEXPECTED
        : `${tokenOf(json)} cannot be converted to ${wanted}`,
  );
}

function tokenOf(json: unknown): string {
  if (typeof json === 'string') return 'STRING_VALUE';
  if (typeof json === 'number') return Number.isInteger(json) ? 'NUMBER_VALUE' : 'DECIMAL_VALUE';
  return json === true ? 'TRUE_VALUE' : 'FALSE_VALUE';
}

/** For the place of a list, a map or a structure, where something else stands. `collection` is its Java type. */
export function wrongCollection(json: unknown, collection: string, place: Place): Error {
  return serializationError(
    Array.isArray(json)
      ? `Unrecognized collection type ${collection}`
      : typeof json === 'object'
        ? OBJECT_UNEXPECTED
        : place === 'field'
          ? 'Unexpected field type'
          : 'Unexpected value type in payload',
  );
}

interface StringConstraints {
  /** In UTF-16 units, as Java counts. */
  readonly min?: number;
  readonly max?: number;
}

export function string(constraints: StringConstraints = {}): Shape<string> {
  const { min = 0, max = Number.POSITIVE_INFINITY } = constraints;
  const shape: Shape<string> = {
    decode: decodeString,
    check(value, path, violations) {
      if (value.length < min) violations.add(value, path, lengthAtLeast(min));
      if (value.length > max) violations.add(printed(shape, value), path, lengthAtMost(max));
    },
    print: printText,
  };
  return shape;
}

export function printText(value: unknown, sketch: Sketch): void {
  sketch.add(String(value));
}

export function decodeString(json: unknown): string {
  if (typeof json !== 'string') throw wrongToken(json, 'String');
  return json;
}

/** One of `members`, which stand in the message in this order. */
export function oneOf<const M extends string>(...members: readonly M[]): Shape<M> {
  return {
    // An unknown word is a broken constraint, not a wrong type: `check` finds it before anyone reads the value.
    decode: (json) => decodeString(json) as M,
    check(value, path, violations) {
      if (members.includes(value)) return;
      violations.add(
        new Sketch().add(value).text,
        path,
        `Member must satisfy enum value set: [${members.join(', ')}]`,
      );
    },
    print: printText,
  };
}

export function boolean(): Shape<boolean> {
  return {
    decode(json) {
      if (typeof json !== 'boolean') throw wrongToken(json, 'Boolean');
      return json;
    },
    check() {},
    print: printText,
  };
}

interface NumberConstraints {
  readonly min?: number;
  readonly max?: number;
}

export function integer(constraints: NumberConstraints = {}): Shape<number> {
  return number('Integer', constraints);
}

export function long(constraints: NumberConstraints = {}): Shape<number> {
  return number('Long', constraints);
}

/** Fractions are cut off, as DynamoDB does. */
function number(type: 'Integer' | 'Long', constraints: NumberConstraints): Shape<number> {
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = constraints;
  return {
    decode(json) {
      if (typeof json !== 'number') throw wrongToken(json, type);
      return Math.trunc(json);
    },
    check(value, path, violations) {
      if (value < min) {
        violations.add(
          String(value),
          path,
          `Member must have value greater than or equal to ${min}`,
        );
      }
      if (value > max) {
        violations.add(String(value), path, `Member must have value less than or equal to ${max}`);
      }
    },
    print: printText,
  };
}
