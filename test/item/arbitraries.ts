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
  { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'c') },
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
  .oneof(numberText, fc.integer({ min: -3, max: 3 }).map(String))
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
    fc.array(fc.oneof(attributeName, fc.integer({ min: 0, max: 4 })), { maxLength: 2 }),
  )
  .map(([name, steps]): Path => [name, ...steps]);

// Dense: so few values and names that conditions often hold and paths often lead somewhere.

const denseText = fc.constantFrom('', 'a', 'ab', 'b');
const denseNumber = fc.constantFrom('-1', '0', '1', '1.5', '10');
const denseBinary = fc.constantFrom([], [1], [1, 2], [255]).map((bytes) => Uint8Array.from(bytes));
const denseName = fc.constantFrom('a', 'b', 'c');

const denseSet: fc.Arbitrary<AttributeValue> = fc.oneof(
  setOf(denseText, compareText).map((value): AttributeValue => ({ type: 'SS', value })),
  setOf(denseNumber, compareNumbers).map((value): AttributeValue => ({ type: 'NS', value })),
  setOf(denseBinary, compareBytes).map((value): AttributeValue => ({ type: 'BS', value })),
);

const denseScalar: fc.Arbitrary<AttributeValue> = fc.oneof(
  denseText.map((value): AttributeValue => ({ type: 'S', value })),
  denseNumber.map((value): AttributeValue => ({ type: 'N', value })),
  denseText.map((value): AttributeValue => ({ type: 'S', value })),
  denseBinary.map((value): AttributeValue => ({ type: 'B', value })),
  fc.boolean().map((value): AttributeValue => ({ type: 'BOOL', value })),
);

export const denseValue: fc.Arbitrary<AttributeValue> = fc.letrec<{ value: AttributeValue }>(
  (tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'dense' },
      { weight: 6, arbitrary: denseScalar },
      denseSet,
      fc
        .array(tie('value'), { maxLength: 3 })
        .map((value): AttributeValue => ({ type: 'L', value })),
      fc
        .array(fc.tuple(denseName, tie('value')), { maxLength: 3 })
        .map((entries): AttributeValue => ({ type: 'M', value: new Map(entries) })),
    ),
  }),
).value;

export const denseItem: fc.Arbitrary<Item> = fc
  .tuple(denseValue, denseValue, denseValue)
  .map(([a, b, c]) => new Map(Object.entries({ a, b, c })));

export const densePath: fc.Arbitrary<Path> = fc.oneof(
  { weight: 2, arbitrary: denseName.map((name): Path => [name]) },
  fc
    .tuple(denseName, fc.oneof(denseName, fc.integer({ min: 0, max: 3 })))
    .map(([name, step]): Path => [name, step]),
);

function operands(
  path: fc.Arbitrary<Path>,
  value: fc.Arbitrary<AttributeValue>,
): fc.Arbitrary<Operand> {
  return fc.oneof(
    { weight: 3, arbitrary: path.map((path): Operand => ({ kind: 'path', path })) },
    { weight: 3, arbitrary: value.map((value): Operand => ({ kind: 'value', value })) },
    { weight: 1, arbitrary: path.map((path): Operand => ({ kind: 'size', path })) },
  );
}

function conditions(
  path: fc.Arbitrary<Path>,
  operand: fc.Arbitrary<Operand>,
): fc.Arbitrary<Condition> {
  const comparator = fc.constantFrom('=', '<>', '<', '<=', '>', '>=');
  const type = fc.constantFrom('S', 'N', 'B', 'BOOL', 'NULL', 'SS', 'NS', 'BS', 'L', 'M');
  const leaf: fc.Arbitrary<Condition> = fc.oneof(
    fc.tuple(comparator, operand, operand).map(
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
      .tuple(path, type)
      .map(([path, type]): Condition => ({ kind: 'attribute_type', path, type: type as 'S' })),
    fc
      .tuple(operand, operand)
      .map(([operand, prefix]): Condition => ({ kind: 'begins_with', operand, prefix })),
    fc
      .tuple(operand, operand)
      .map(([operand, member]): Condition => ({ kind: 'contains', operand, member })),
  );
  return fc.letrec<{ condition: Condition }>((tie) => ({
    condition: fc.oneof(
      { maxDepth: 4, depthIdentifier: 'condition' },
      { weight: 6, arbitrary: leaf },
      fc
        .array(tie('condition'), { minLength: 2, maxLength: 3 })
        .map((terms): Condition => ({ kind: 'and', terms })),
      fc
        .array(tie('condition'), { minLength: 2, maxLength: 3 })
        .map((terms): Condition => ({ kind: 'or', terms })),
      tie('condition').map((term): Condition => ({ kind: 'not', term })),
    ),
  })).condition;
}

export const condition = conditions(path, operands(path, value));
export const denseCondition = conditions(densePath, operands(densePath, denseValue));

function setValues(
  path: fc.Arbitrary<Path>,
  value: fc.Arbitrary<AttributeValue>,
): fc.Arbitrary<SetValue> {
  return fc.letrec<{ value: SetValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, depthIdentifier: 'set' },
      { weight: 5, arbitrary: value.map((value): SetValue => ({ kind: 'value', value })) },
      { weight: 2, arbitrary: path.map((path): SetValue => ({ kind: 'path', path })) },
      {
        weight: 2,
        arbitrary: fc
          .tuple(path, tie('value'))
          .map(([path, otherwise]): SetValue => ({ kind: 'if_not_exists', path, otherwise })),
      },
      fc
        .tuple(tie('value'), tie('value'))
        .map(([first, second]): SetValue => ({ kind: 'list_append', first, second })),
      fc
        .tuple(fc.constantFrom('plus', 'minus'), tie('value'), tie('value'))
        .map(([kind, left, right]): SetValue => ({ kind: kind as 'plus', left, right })),
    ),
  })).value;
}

/** Whether one of the paths begins with the other, which an expression's parser refuses. */
export function overlap(a: Path, b: Path): boolean {
  const shared = Math.min(a.length, b.length);
  return a.slice(0, shared).every((step, i) => step === b[i]);
}

function withoutOverlap<T>(all: readonly T[], pathOf: (one: T) => Path): T[] {
  const kept: T[] = [];
  for (const one of all) {
    if (kept.every((other) => !overlap(pathOf(one), pathOf(other)))) kept.push(one);
  }
  return kept;
}

function updates(
  path: fc.Arbitrary<Path>,
  value: fc.Arbitrary<AttributeValue>,
  addend: fc.Arbitrary<AttributeValue>,
): fc.Arbitrary<UpdateAction[]> {
  const action: fc.Arbitrary<UpdateAction> = fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(path, setValues(path, value))
        .map(([path, value]): UpdateAction => ({ kind: 'set', path, value })),
    },
    { weight: 3, arbitrary: path.map((path): UpdateAction => ({ kind: 'remove', path })) },
    fc.tuple(path, addend).map(([path, value]): UpdateAction => ({ kind: 'add', path, value })),
    fc.tuple(path, addend).map(([path, value]): UpdateAction => ({ kind: 'delete', path, value })),
  );
  return fc
    .array(action, { maxLength: 4 })
    .map((actions) => withoutOverlap(actions, (one) => one.path));
}

export const update = updates(path, value, value);
export const denseUpdate = updates(
  densePath,
  denseValue,
  fc.oneof(
    denseSet,
    denseNumber.map((value): AttributeValue => ({ type: 'N', value })),
  ),
);

export const projection: fc.Arbitrary<Path[]> = fc
  .array(fc.oneof(path, densePath), { minLength: 1, maxLength: 5 })
  .map((paths) => withoutOverlap(paths, (one) => one));

/** Fixed seed and few runs: the same cases each time, within the room's seconds. */
export function runs(numRuns: number): { seed: number; numRuns: number } {
  return { seed: 20_240_601, numRuns };
}
