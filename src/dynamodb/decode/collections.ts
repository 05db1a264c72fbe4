import {
  lengthAtLeast,
  lengthAtMost,
  memberName,
  type Violations,
} from '../validate/violations.ts';
import { isObject } from './json.ts';
import { type Place, printed, type Shape, wrongCollection } from './shape.ts';

interface SizeConstraints {
  readonly min?: number;
  readonly max?: number;
}

/** A list; a null among its members is left out, as a missing field is. */
export function list<T>(member: Shape<T>, size: SizeConstraints = {}): Shape<readonly T[]> {
  const shape: Shape<readonly T[]> = {
    decode(json, place) {
      if (!Array.isArray(json)) throw wrongCollection(json, 'java.util.List', place);
      const members: T[] = [];
      for (const item of json) if (item !== null) members.push(member.decode(item, 'value'));
      return members;
    },
    check(value, path, violations) {
      if (size.max !== undefined && value.length > size.max) {
        violations.add(printed(shape, value), path, lengthAtMost(size.max));
      }
      if (size.min !== undefined && value.length < size.min) {
        violations.add(printed(shape, value), path, lengthAtLeast(size.min));
      }
      value.forEach((item, i) => {
        member.check(item, `${path}.${i + 1}.member`, violations);
      });
    },
    print(value, sketch) {
      sketch.addAll('[', value, ']', (item) => member.print(item, sketch));
    },
  };
  return shape;
}

interface MapConstraints extends SizeConstraints {
  /** Every constraint of a key as it stands in the message, and whether a key keeps them all. */
  readonly keys?: { readonly constraints: readonly string[]; accepts(key: string): boolean };
  /** Likewise for the length of a value that is a list. */
  readonly valueLength?: { readonly min: number; readonly max: number };
}

/** Names to values, in the order of the body. A Map, never an object: `__proto__` is an ordinary name (J1). */
export function map<T>(
  member: Shape<T>,
  limits: MapConstraints = {},
): Shape<ReadonlyMap<string, T>> {
  const shape: Shape<ReadonlyMap<string, T>> = {
    decode(json, place) {
      if (!isObject(json)) throw wrongCollection(json, 'java.util.Map', place);
      const members = new Map<string, T>();
      for (const key of Object.keys(json)) {
        const value = json[key];
        if (value !== null) members.set(key, member.decode(value, 'value'));
      }
      return members;
    },
    check(value, path, violations) {
      checkSize(value, path, violations);
      for (const [key, item] of value) member.check(item, `${path}.${key}.member`, violations);
    },
    print(value, sketch) {
      sketch.addAll('{', value, '}', ([key, item]) => {
        sketch.add(key).add('=');
        member.print(item, sketch);
      });
    },
  };

  function checkSize(value: ReadonlyMap<string, T>, path: string, violations: Violations): void {
    const { min, max, keys, valueLength } = limits;
    if (max !== undefined && value.size > max) {
      violations.add(printed(shape, value), path, lengthAtMost(max));
    }
    if (min !== undefined && value.size < min) {
      violations.add(printed(shape, value), path, lengthAtLeast(min));
    }
    if (keys && ![...value.keys()].every((key) => keys.accepts(key))) {
      const constraint = `Map keys must satisfy constraint: [${keys.constraints.join(', ')}]`;
      violations.add(printed(shape, value), path, constraint);
    }
    if (valueLength && ![...value.values()].every((item) => fits(item, valueLength))) {
      const { min: least, max: most } = valueLength;
      violations.add(
        printed(shape, value),
        path,
        `Map value must satisfy constraint: [${lengthAtMost(most)}, ${lengthAtLeast(least)}]`,
      );
    }
  }
  return shape;
}

function fits(value: unknown, limits: { readonly min: number; readonly max: number }): boolean {
  return !Array.isArray(value) || (value.length >= limits.min && value.length <= limits.max);
}

export interface Field<T, Required extends boolean> {
  readonly shape: Shape<T>;
  readonly required: Required;
}

export function required<T>(shape: Shape<T>): Field<T, true> {
  return { shape, required: true };
}

export function optional<T>(shape: Shape<T>): Field<T, false> {
  return { shape, required: false };
}

type Fields = Readonly<Record<string, Field<unknown, boolean>>>;

/** A required field is there once `check` has found nothing. */
type StructureOf<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends Field<infer T, infer R>
    ? R extends true
      ? T
      : T | undefined
    : never;
};

/**
 * Named fields; unknown ones are ignored and null is as good as absent. `javaName` is the class in messages. Fields are decoded
 * in the order of the body, so that the first wrong one there is named, and checked in the order of the declaration.
 */
export function structure<F extends Fields>(javaName: string, fields: F): Shape<StructureOf<F>> {
  const byName = new Map(Object.entries(fields));
  const members = Array.from(byName, ([name, { shape, required: isRequired }]) => ({
    name,
    shown: memberName(name),
    shape,
    isRequired,
  }));
  const blank = Object.fromEntries(members.map(({ name }) => [name, undefined]));

  return {
    decode(json: unknown, place: Place): StructureOf<F> {
      if (!isObject(json)) throw wrongCollection(json, `class ${JAVA_PACKAGE}.${javaName}`, place);
      // Every field is there from the start, so that all structures of a kind have one hidden class.
      const decoded: Record<string, unknown> = { ...blank };
      for (const name of Object.keys(json)) {
        const field = byName.get(name);
        if (field === undefined) continue;
        const value = json[name];
        if (value !== null) decoded[name] = field.shape.decode(value, 'field');
      }
      return decoded as StructureOf<F>;
    },
    check(value, path, violations) {
      const prefix = path === '' ? '' : `${path}.`;
      for (const { name, shown, shape, isRequired } of members) {
        const member = value[name];
        if (member !== undefined) {
          const before = violations.count;
          shape.check(member, prefix + shown, violations);
          if (shape.decisive && violations.count > before) return;
        } else if (isRequired) {
          violations.add(undefined, prefix + shown, 'Member must not be null');
        }
      }
    },
    print(value, sketch) {
      sketch.addAll(`${javaName}(`, members, ')', ({ name, shown, shape }) => {
        const member = value[name];
        sketch.add(`${shown}=`);
        if (member === undefined) sketch.add('null');
        else shape.print(member, sketch);
      });
    },
  };
}

const JAVA_PACKAGE = 'com.amazonaws.dynamodb.v20120810';
