import { compareBytes } from '../bytes/index.ts';
import { compareNumbers } from './number.ts';
import { compareText } from './text.ts';
import type { AttributeValue } from './value.ts';

export type SetValueOf = Extract<AttributeValue, { type: 'SS' | 'NS' | 'BS' }>;

type Order<T> = (a: T, b: T) => number;

export function isSet(value: AttributeValue): value is SetValueOf {
  return value.type === 'SS' || value.type === 'NS' || value.type === 'BS';
}

/** The members in the set's fixed order, or undefined when one is there twice. */
export function sortedSet<T>(members: readonly T[], order: Order<T>): readonly T[] | undefined {
  const sorted = [...members].sort(order);
  for (let i = 1; i < sorted.length; i++) {
    if (order(sorted[i - 1] as T, sorted[i] as T) === 0) return undefined;
  }
  return sorted;
}

/** Undefined when the sets are of different types. */
export function unionOfSets(a: SetValueOf, b: SetValueOf): SetValueOf | undefined {
  if (a.type === 'BS') {
    return b.type === 'BS'
      ? { type: 'BS', value: merge(a.value, b.value, compareBytes) }
      : undefined;
  }
  if (b.type !== a.type) return undefined;
  return { type: a.type, value: merge(a.value, b.value as readonly string[], textOrder(a.type)) };
}

/** The members of `a` that `b` lacks; `empty` when there is none, undefined when the sets are of different types. */
export function differenceOfSets(a: SetValueOf, b: SetValueOf): SetValueOf | 'empty' | undefined {
  if (a.type === 'BS') {
    if (b.type !== 'BS') return undefined;
    const value = without(a.value, b.value, compareBytes);
    return value.length === 0 ? 'empty' : { type: 'BS', value };
  }
  if (b.type !== a.type) return undefined;
  const value = without(a.value, b.value as readonly string[], textOrder(a.type));
  return value.length === 0 ? 'empty' : { type: a.type, value };
}

/** The order of a set's members: strings by UTF-8 bytes, numbers by value. */
export function textOrder(type: 'SS' | 'NS'): Order<string> {
  return type === 'SS' ? compareText : compareNumbers;
}

// Both walk two sorted lists once: sets may have some ten thousand members.

function merge<T>(a: readonly T[], b: readonly T[], order: Order<T>): readonly T[] {
  const merged: T[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const compared = order(a[i] as T, b[j] as T);
    merged.push(compared <= 0 ? (a[i] as T) : (b[j] as T));
    if (compared <= 0) i++;
    if (compared >= 0) j++;
  }
  for (; i < a.length; i++) merged.push(a[i] as T);
  for (; j < b.length; j++) merged.push(b[j] as T);
  return merged;
}

function without<T>(a: readonly T[], b: readonly T[], order: Order<T>): readonly T[] {
  const left: T[] = [];
  let j = 0;
  for (const member of a) {
    while (j < b.length && order(b[j] as T, member) < 0) j++;
    if (j === b.length || order(b[j] as T, member) !== 0) left.push(member);
  }
  return left;
}
