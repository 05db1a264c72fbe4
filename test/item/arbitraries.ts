import fc from 'fast-check';
import { compareBytes } from '../../src/bytes/index.ts';
import {
  type AttributeValue,
  type Condition,
  compareNumbers,
  compareText,
  type Item,
  type Operand,
  type Path,
  parseNumber,
  type SetValue,
  type UpdateAction,
} from '../../src/item/index.ts';

/** Names that are special to JavaScript objects and to nobody else (J1). */
export const AWKWARD_NAMES = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '__defineGetter__',
  'length',
  '7',
  '',
];

export const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 8 }),
  fc.constantFrom('a', 'ab', 'b', 'é', '"', '\\', '\u0000', '\u{1f600}', '\uffff', '\u2028'),
);

export const attributeName = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'list', 'map'),
  fc.constantFrom(...AWKWARD_NAMES.filter((name) => name !== '')),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 }),
);

/** Number texts within DynamoDB's range, in every spelling. */
export const numberText = fc
  .tuple(
    fc.constantFrom('', '-', '+'),
    fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 20 }),
    fc.string({ unit: fc.constantFrom(...'0123456789'), maxLength: 18 }),
    fc.integer({ min: -105, max: 105 }),
    fc.constantFrom('e', 'E', 'e+', ''),
  )
  .map(([sign, integer, fraction, exponent, letter]) => {
    const mantissa = fraction === '' ? integer : `${integer}.${fraction}`;
    if (letter === '') return sign + mantissa;
    return `${sign}${mantissa}${letter}${letter === 'e+' ? Math.abs(exponent) : exponent}`;
  });

export const number = fc
  .oneof(numberText, fc.integer({ min: -20, max: 20 }).map(String))
  .map((written) => {
    const result = parseNumber(written);
    if (!result.ok) throw new Error(`${written}: ${result.message}`);
    return result.canonical;
  });

const binary = fc.uint8Array({ maxLength: 6 });

function setOf<T>(member: fc.Arbitrary<T>, order: (a: T, b: T) => number): fc.Arbitrary<T[]> {
  return fc
    .uniqueArray(member, { minLength: 1, maxLength: 4, comparator: (a, b) => order(a, b) === 0 })
    .map((members) => members.sort(order));
}

export const value: fc.Arbitrary<AttributeValue> = fc.letrec<{ value: AttributeValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'value' },
    text.map((value): AttributeValue => ({ type: 'S', value })),
    number.map((value): AttributeValue => ({ type: 'N', value })),
    binary.map((value): AttributeValue => ({ type: 'B', value })),
    fc.boolean().map((value): AttributeValue => ({ type: 'BOOL', value })),
    fc.constant<AttributeValue>({ type: 'NULL' }),
    setOf(text, compareText).map((value): AttributeValue => ({ type: 'SS', value })),
    setOf(number, compareNumbers).map((value): AttributeValue => ({ type: 'NS', value })),
    setOf(binary, compareBytes).map((value): AttributeValue => ({ type: 'BS', value })),
    fc.array(tie('value'), { maxLength: 4 }).map((value): AttributeValue => ({ type: 'L', value })),
    fc
      .array(fc.tuple(attributeName, tie('value')), { maxLength: 4 })
      .map((entries): AttributeValue => ({ type: 'M', value: new Map(entries) })),
  ),
})).value;

export const item: fc.Arbitrary<Item> = fc
  .array(fc.tuple(attributeName, value), { maxLength: 6 })
  .map((entries) => new Map(entries));

export const path: fc.Arbitrary<Path> = fc
  .tuple(
    attributeName,
    fc.array(fc.oneof(attributeName, fc.integer({ min: 0, max: 5 })), { maxLength: 3 }),
  )
  .map(([name, steps]): Path => [name, ...steps]);

export const operand: fc.Arbitrary<Operand> = fc.oneof(
  path.map((path): Operand => ({ kind: 'path', path })),
  value.map((value): Operand => ({ kind: 'value', value })),
  path.map((path): Operand => ({ kind: 'size', path })),
);

export const condition: fc.Arbitrary<Condition> = fc.letrec<{ condition: Condition }>((tie) => ({
  condition: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'condition' },
    fc.tuple(fc.constantFrom('=', '<>', '<', '<=', '>', '>='), operand, operand).map(
      ([comparator, left, right]): Condition => ({
        kind: 'compare',
        comparator: comparator as '=',
        left,
        right,
      }),
    ),
    fc
      .tuple(operand, operand, operand)
      .map(([operand, low, high]): Condition => ({ kind: 'between', operand, low, high })),
    fc
      .tuple(operand, fc.array(operand, { minLength: 1, maxLength: 3 }))
      .map(([operand, candidates]): Condition => ({ kind: 'in', operand, candidates })),
    path.map((path): Condition => ({ kind: 'attribute_exists', path })),
    path.map((path): Condition => ({ kind: 'attribute_not_exists', path })),
    fc
      .tuple(path, fc.constantFrom('S', 'N', 'B', 'BOOL', 'NULL', 'SS', 'NS', 'BS', 'L', 'M'))
      .map(([path, type]): Condition => ({ kind: 'attribute_type', path, type: type as 'S' })),
    fc
      .tuple(operand, operand)
      .map(([operand, prefix]): Condition => ({ kind: 'begins_with', operand, prefix })),
    fc
      .tuple(operand, operand)
      .map(([operand, member]): Condition => ({ kind: 'contains', operand, member })),
    fc
      .array(tie('condition'), { minLength: 2, maxLength: 3 })
      .map((terms): Condition => ({ kind: 'and', terms })),
    fc
      .array(tie('condition'), { minLength: 2, maxLength: 3 })
      .map((terms): Condition => ({ kind: 'or', terms })),
    tie('condition').map((term): Condition => ({ kind: 'not', term })),
  ),
})).condition;

const setValue: fc.Arbitrary<SetValue> = fc.letrec<{ value: SetValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'set' },
    path.map((path): SetValue => ({ kind: 'path', path })),
    value.map((value): SetValue => ({ kind: 'value', value })),
    fc
      .tuple(path, tie('value'))
      .map(([path, otherwise]): SetValue => ({ kind: 'if_not_exists', path, otherwise })),
    fc
      .tuple(tie('value'), tie('value'))
      .map(([first, second]): SetValue => ({ kind: 'list_append', first, second })),
    fc
      .tuple(fc.constantFrom('plus', 'minus'), tie('value'), tie('value'))
      .map(([kind, left, right]): SetValue => ({ kind: kind as 'plus', left, right })),
  ),
})).value;

export const action: fc.Arbitrary<UpdateAction> = fc.oneof(
  fc.tuple(path, setValue).map(([path, value]): UpdateAction => ({ kind: 'set', path, value })),
  path.map((path): UpdateAction => ({ kind: 'remove', path })),
  fc.tuple(path, value).map(([path, value]): UpdateAction => ({ kind: 'add', path, value })),
  fc.tuple(path, value).map(([path, value]): UpdateAction => ({ kind: 'delete', path, value })),
);

/** Whether one of the paths begins with the other, which an expression's parser refuses. */
export function overlap(a: Path, b: Path): boolean {
  const shared = Math.min(a.length, b.length);
  return a.slice(0, shared).every((step, i) => step === b[i]);
}

export const update: fc.Arbitrary<UpdateAction[]> = fc
  .array(action, { maxLength: 5 })
  .map((actions) =>
    actions.filter((one, i) =>
      actions.slice(0, i).every((other) => !overlap(one.path, other.path)),
    ),
  );

export const projection: fc.Arbitrary<Path[]> = fc
  .array(path, { minLength: 1, maxLength: 5 })
  .map((paths) =>
    paths.filter((one, i) => paths.slice(0, i).every((other) => !overlap(one, other))),
  );

/** Fixed seed and few runs: the same cases each time, within the room's seconds. */
export function runs(numRuns: number): { seed: number; numRuns: number } {
  return { seed: 20_240_601, numRuns };
}
