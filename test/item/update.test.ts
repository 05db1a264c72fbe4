import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyUpdate,
  type Item,
  MAX_EXPRESSION_LEVELS,
  MAX_ITEM_BYTES,
  type SetValue,
  sizeOfItem,
  touched,
  type Update,
  type UpdateAction,
  valueAt,
} from '../../src/item/index.ts';
import { denseItem, densePath, denseUpdate, denseValue, overlap, runs } from './arbitraries.ts';
import { at, constant, item, nested, path, value } from './build.ts';

const KEY = item({ pk: { S: 'key' } });
const WRONG_TYPE = 'An operand in the update expression has an incorrect data type';
const MISSING = 'The provided expression refers to an attribute that does not exist in the item';
const INVALID_PATH = 'The document path provided in the update expression is invalid for update';
const TOO_LARGE = 'Item size to update has exceeded the maximum allowed size';

const set = (target: string, to: SetValue): UpdateAction => ({
  kind: 'set',
  path: path(target),
  value: to,
});
const setTo = (target: string, json: unknown): UpdateAction => set(target, constant(json));
const remove = (target: string): UpdateAction => ({ kind: 'remove', path: path(target) });
const add = (target: string, json: unknown): UpdateAction => ({
  kind: 'add',
  path: path(target),
  value: value(json),
});
const del = (target: string, json: unknown): UpdateAction => ({
  kind: 'delete',
  path: path(target),
  value: value(json),
});
const plus = (left: SetValue, right: SetValue): SetValue => ({ kind: 'plus', left, right });
const minus = (left: SetValue, right: SetValue): SetValue => ({ kind: 'minus', left, right });
const append = (first: SetValue, second: SetValue): SetValue => ({
  kind: 'list_append',
  first,
  second,
});
const ifNotExists = (target: string, otherwise: SetValue): SetValue => ({
  kind: 'if_not_exists',
  path: path(target),
  otherwise,
});

function numbers(...all: number[]): { L: unknown[] } {
  return { L: all.map((one) => ({ N: String(one) })) };
}

/** The item after the update, or the message. */
function updated(update: Update, before: unknown): Item | string | undefined {
  const result = applyUpdate(update, before === undefined ? undefined : item(before), KEY);
  return result.ok ? result.item : result.message;
}

const base = { pk: { S: 'key' } };

describe('SET', () => {
  test.each<[string, Update, Record<string, unknown>, Record<string, unknown>]>([
    ['makes an attribute', [setTo('a', { N: '1' })], {}, { a: { N: '1' } }],
    [
      'replaces one of another type',
      [setTo('a', { N: '1' })],
      { a: { S: 'x' } },
      { a: { N: '1' } },
    ],
    [
      'copies a path',
      [set('b', at('a.x'))],
      { a: { M: { x: { N: '1' } } } },
      { a: { M: { x: { N: '1' } } }, b: { N: '1' } },
    ],
    [
      'adds',
      [set('a', plus(at('a'), constant({ N: '0.5' })))],
      { a: { N: '1' } },
      { a: { N: '1.5' } },
    ],
    [
      'subtracts',
      [set('a', minus(at('a'), constant({ N: '3' })))],
      { a: { N: '1' } },
      { a: { N: '-2' } },
    ],
    [
      'appends',
      [set('a', append(at('a'), constant(numbers(3))))],
      { a: numbers(1, 2) },
      { a: numbers(1, 2, 3) },
    ],
    [
      'puts in front',
      [set('a', append(constant(numbers(3)), at('a')))],
      { a: numbers(1) },
      { a: numbers(3, 1) },
    ],
    [
      'takes what is there',
      [set('a', ifNotExists('a', constant({ N: '9' })))],
      { a: { N: '1' } },
      { a: { N: '1' } },
    ],
    [
      'takes the other',
      [set('a', ifNotExists('b', constant({ N: '9' })))],
      { a: { N: '1' } },
      { a: { N: '9' } },
    ],
    [
      'counts from nothing',
      [set('n', plus(ifNotExists('n', constant({ N: '0' })), constant({ N: '1' })))],
      {},
      { n: { N: '1' } },
    ],
    [
      'sets a member of a map',
      [setTo('a.b', { N: '1' })],
      { a: { M: {} } },
      { a: { M: { b: { N: '1' } } } },
    ],
    [
      'sets an element',
      [setTo('l[1]', { N: '9' })],
      { l: numbers(1, 2, 3) },
      { l: numbers(1, 9, 3) },
    ],
    [
      'sets deep',
      [setTo('a[0].b[1]', { N: '9' })],
      { a: { L: [{ M: { b: numbers(1, 2) } }] } },
      { a: { L: [{ M: { b: numbers(1, 9) } }] } },
    ],
  ])('[DB17] %s', (_, update, before, expected) => {
    expect(updated(update, { ...base, ...before })).toEqual(item({ ...base, ...expected }));
  });

  test('[DB16] reads old values throughout', () => {
    const swap = [set('a', at('b')), set('b', at('a'))];
    expect(updated(swap, { ...base, a: { N: '1' }, b: { N: '2' } })).toEqual(
      item({ ...base, a: { N: '2' }, b: { N: '1' } }),
    );
    expect(updated([setTo('a', { N: '1' }), set('b', at('a'))], base)).toBe(MISSING);
    const chain = [setTo('a', { N: '5' }), set('b', plus(at('a'), constant({ N: '1' })))];
    expect(updated(chain, { ...base, a: { N: '1' } })).toEqual(
      item({ ...base, a: { N: '5' }, b: { N: '2' } }),
    );
  });

  test('[DB16] past the end of a list appends once, several in the order of their positions', () => {
    const before = { ...base, l: numbers(1, 2, 3) };
    expect(updated([setTo('l[7]', { N: '8' })], before)).toEqual(
      item({ ...base, l: numbers(1, 2, 3, 8) }),
    );
    const several = [84, 37, 17, 50].map((position) =>
      setTo(`l[${position}]`, { N: `${position}` }),
    );
    expect(updated(several, before)).toEqual(
      item({ ...base, l: numbers(1, 2, 3, 17, 37, 50, 84) }),
    );
    expect(updated([setTo('l[3]', { N: '4' })], before)).toEqual(
      item({ ...base, l: numbers(1, 2, 3, 4) }),
    );
  });

  test.each<[string, Update, Record<string, unknown> | undefined]>([
    ['a member of a missing map', [setTo('x.y', { N: '1' })], {}],
    ['an element of a missing list', [setTo('x[0]', { N: '1' })], {}],
    ['a member of a string', [setTo('s.y', { N: '1' })], { s: { S: '' } }],
    ['a member of a list', [setTo('l.y', { N: '1' })], { l: { L: [] } }],
    ['an element of a map', [setTo('m[0]', { N: '1' })], { m: { M: {} } }],
    [
      'a member of an element past the end',
      [setTo('l[1].y', { N: '1' })],
      { l: { L: [{ M: {} }] } },
    ],
    ['two levels that are missing', [setTo('m.a.b', { N: '1' })], { m: { M: {} } }],
    [
      'names and positions at once',
      [setTo('m.a', { N: '1' }), setTo('m[0]', { N: '1' })],
      { m: { M: {} } },
    ],
    ['a member in an item that is not there', [setTo('x.y', { N: '1' })], undefined],
  ])('[DB17] %s is an invalid path', (_, update, before) => {
    expect(updated(update, before && { ...base, ...before })).toBe(INVALID_PATH);
  });

  test.each<[string, SetValue, string]>([
    ['a missing attribute', at('x'), MISSING],
    ['a missing attribute in a sum', plus(at('x'), constant({ N: '1' })), MISSING],
    ['a missing list', append(at('x'), constant({ L: [] })), MISSING],
    ['a string in a sum', plus(at('s'), constant({ N: '1' })), WRONG_TYPE],
    ['a string in a difference', minus(constant({ N: '1' }), at('s')), WRONG_TYPE],
    ['a string in list_append', append(at('s'), constant({ L: [] })), WRONG_TYPE],
    ['a set in list_append', append(constant({ L: [] }), constant({ SS: ['a'] })), WRONG_TYPE],
  ])('[DB17] %s', (_, expression, message) => {
    expect(updated([set('a', expression)], { ...base, s: { S: 'text' } })).toBe(message);
  });

  test('[DB8] an over-precise or too large result is an error', () => {
    const before = { ...base, n: { N: '1E37' }, big: { N: '9E125' } };
    expect(updated([set('n', plus(at('n'), constant({ N: '0.1' })))], before)).toBe(
      'Attempting to store more than 38 significant digits in a Number',
    );
    expect(updated([add('big', { N: '9E125' })], before)).toMatch(/^Number overflow/);
  });
});

describe('REMOVE', () => {
  test.each<[string, Update, Record<string, unknown>, Record<string, unknown>]>([
    ['takes an attribute away', [remove('a')], { a: { N: '1' } }, {}],
    ['a missing attribute is fine', [remove('a')], {}, {}],
    ['takes a member away', [remove('m.a')], { m: { M: { a: { N: '1' } } } }, { m: { M: {} } }],
    ['a missing member is fine', [remove('m.a')], { m: { M: {} } }, { m: { M: {} } }],
    ['takes the only element away', [remove('l[0]')], { l: numbers(1) }, { l: numbers() }],
    ['an element past the end is fine', [remove('l[17]')], { l: numbers(1) }, { l: numbers(1) }],
  ])('[DB17] %s', (_, update, before, expected) => {
    expect(updated(update, { ...base, ...before })).toEqual(item({ ...base, ...expected }));
  });

  test.each<[string, Update, number[], number[]]>([
    ['two neighbours', [remove('l[1]'), remove('l[2]')], [0, 1, 2, 3], [0, 3]],
    [
      'with SET behind it',
      [remove('l[1]'), setTo('l[3]', { N: '17' })],
      [2, 3, 4, 5, 6],
      [2, 4, 17, 6],
    ],
    [
      'with SET before it',
      [setTo('l[3]', { N: '17' }), remove('l[1]')],
      [2, 3, 4, 5, 6],
      [2, 4, 17, 6],
    ],
    ['with SET past the end', [remove('l[0]'), setTo('l[9]', { N: '9' })], [1, 2], [2, 9]],
    [
      'with SET at the old end',
      [remove('l[1]'), remove('l[2]'), setTo('l[3]', { N: '9' })],
      [0, 1, 2],
      [0, 9],
    ],
    [
      'past the end, beside an append',
      [remove('l[2]'), setTo('l[5]', { N: '9' })],
      [0, 1],
      [0, 1, 9],
    ],
  ])('[DB16] uses the indexes of before: %s', (_, update, before, expected) => {
    expect(updated(update, { ...base, l: numbers(...before) })).toEqual(
      item({ ...base, l: numbers(...expected) }),
    );
  });

  test.each<[string, Record<string, unknown>]>([
    ['x.y', {}],
    ['x[0]', {}],
    ['s.y', { s: { S: '' } }],
    ['l.y', { l: { L: [] } }],
    ['m[0]', { m: { M: {} } }],
  ])('[DB17] %s with no such parent is an invalid path', (target, before) => {
    expect(updated([remove(target)], { ...base, ...before })).toBe(INVALID_PATH);
  });
});

describe('ADD and DELETE', () => {
  test.each<[string, Update, Record<string, unknown>, Record<string, unknown>]>([
    ['ADD makes a number', [add('n', { N: '5' })], {}, { n: { N: '5' } }],
    ['ADD adds', [add('n', { N: '-2' })], { n: { N: '5' } }, { n: { N: '3' } }],
    ['ADD makes a set', [add('s', { SS: ['b', 'a'] })], {}, { s: { SS: ['a', 'b'] } }],
    [
      'ADD joins sets',
      [add('s', { SS: ['b', 'c'] })],
      { s: { SS: ['a', 'b'] } },
      { s: { SS: ['a', 'b', 'c'] } },
    ],
    [
      'ADD joins sets of numbers by value',
      [add('s', { NS: ['1.0', '10'] })],
      { s: { NS: ['9', '1'] } },
      { s: { NS: ['1', '9', '10'] } },
    ],
    [
      'ADD joins sets of binaries',
      [add('s', { BS: ['AA=='] })],
      { s: { BS: ['AQ=='] } },
      { s: { BS: ['AA==', 'AQ=='] } },
    ],
    [
      'ADD reaches into maps',
      [add('m.n', { N: '1' })],
      { m: { M: {} } },
      { m: { M: { n: { N: '1' } } } },
    ],
    [
      'DELETE takes members away',
      [del('s', { SS: ['a', 'x'] })],
      { s: { SS: ['a', 'b'] } },
      { s: { SS: ['b'] } },
    ],
    [
      'DELETE of the last member takes the attribute',
      [del('s', { SS: ['a'] })],
      { s: { SS: ['a'] } },
      {},
    ],
    [
      'DELETE of the last member in a map',
      [del('m.s', { NS: ['1'] })],
      { m: { M: { s: { NS: ['1'] } } } },
      { m: { M: {} } },
    ],
    ['DELETE from nothing is fine', [del('s', { SS: ['a'] })], {}, {}],
    [
      'DELETE of other binaries',
      [del('s', { BS: ['AA=='] })],
      { s: { BS: ['AQ=='] } },
      { s: { BS: ['AQ=='] } },
    ],
  ])('[DB18] %s', (_, update, before, expected) => {
    expect(updated(update, { ...base, ...before })).toEqual(item({ ...base, ...expected }));
  });

  test.each<[string, UpdateAction]>([
    ['ADD of a number to a string', add('s', { N: '1' })],
    ['ADD of a set to a number', add('n', { SS: ['a'] })],
    ['ADD of a number to a set', add('ss', { N: '1' })],
    ['ADD of a set of another type', add('ss', { NS: ['1'] })],
    ['ADD of a set of binaries to one of strings', add('ss', { BS: ['AA=='] })],
    ['ADD of a set of strings to one of binaries', add('bs', { SS: ['a'] })],
    ['ADD of a string', add('x', { S: 'a' })],
    ['ADD of a list', add('x', { L: [] })],
    ['DELETE of a set of another type', del('ss', { NS: ['1'] })],
    ['DELETE of strings from binaries', del('bs', { SS: ['a'] })],
    ['DELETE from a string', del('s', { SS: ['a'] })],
    ['DELETE of a number', del('n', { N: '1' })],
  ])('[DB18] %s has a wrong type', (_, action) => {
    const before = {
      ...base,
      s: { S: 'a' },
      n: { N: '1' },
      ss: { SS: ['a'] },
      bs: { BS: ['AA=='] },
    };
    expect(updated([action], before)).toBe(WRONG_TYPE);
  });

  test('[DB17] ADD below what is missing is an invalid path', () => {
    expect(updated([add('x.n', { N: '1' })], base)).toBe(INVALID_PATH);
  });
});

describe('the item as a whole', () => {
  test('[DB15] an update without changes creates the item', () => {
    expect(updated([], undefined)).toEqual(KEY);
    expect(updated([], { ...base, a: { N: '1' } })).toEqual(item({ ...base, a: { N: '1' } }));
  });

  test('[DB15] one that only takes away does not', () => {
    for (const update of [
      [remove('a')],
      [remove('a.b'), remove('l[0]')],
      [del('s', { SS: ['a'] })],
    ]) {
      expect(updated(update, undefined)).toBe(undefined);
    }
  });

  test('[DB15] one that also sets something does', () => {
    expect(updated([remove('a.b'), setTo('c', { N: '1' })], undefined)).toEqual(
      item({ ...base, c: { N: '1' } }),
    );
    expect(updated([add('n', { N: '1' })], undefined)).toEqual(item({ ...base, n: { N: '1' } }));
  });

  test('[DB15] the key attributes of a new item cannot be read before it is there', () => {
    expect(updated([set('a', at('pk'))], undefined)).toBe(MISSING);
  });

  test('[DB11] 400 KB are allowed, one byte more is not, and nothing is left of it', () => {
    const fill = (size: number) => [setTo('a', { S: 'x'.repeat(size - 6) })];
    const largest = updated(fill(MAX_ITEM_BYTES), undefined);
    expect(typeof largest !== 'string' && largest && sizeOfItem(largest)).toBe(MAX_ITEM_BYTES);
    expect(updated(fill(MAX_ITEM_BYTES + 1), undefined)).toBe(TOO_LARGE);
  });

  test('[B4] a value may be put where its leaf stands at level 32, not at 33', () => {
    const deep = (levels: number) => ({
      ...base,
      a: { M: { b: { L: [] } } },
      v: nested(levels, 'L'),
    });
    const put: Update = [set('a.b[0]', at('v'))];
    expect(typeof updated(put, deep(30))).toBe('object');
    expect(updated(put, deep(31))).toMatch(/^Nesting Levels have exceeded supported limits/);
    const grow: Update = [set('v', append(at('w'), at('v')))];
    expect(typeof updated(grow, { ...base, v: nested(32, 'L'), w: { L: [] } })).toBe('object');
  });

  test('[S5] the deepest expression allowed does not overflow the stack', () => {
    let deep: SetValue = constant({ N: '1' });
    for (let i = 1; i < MAX_EXPRESSION_LEVELS; i++) deep = ifNotExists('x', deep);
    expect(updated([set('a', deep)], base)).toEqual(item({ ...base, a: { N: '1' } }));
  });

  test('[S5] nested appends stop at what no item can hold', () => {
    const before = { ...base, l: { L: Array.from({ length: 50_000 }, () => ({ NULL: true })) } };
    let doubled: SetValue = at('l');
    for (let i = 0; i < 12; i++) doubled = append(doubled, doubled);
    const started = performance.now();
    expect(updated([set('l', doubled)], before)).toBe(TOO_LARGE);
    expect(performance.now() - started).toBeLessThan(2000);
  });

  test('[S5] a path of 2,000 steps is an invalid path, not an overflow', () => {
    const long: UpdateAction = {
      kind: 'remove',
      path: ['a', ...Array.from({ length: 2000 }, () => 'x')],
    };
    expect(updated([long], { ...base, a: { M: { x: { M: {} } } } })).toBe(INVALID_PATH);
  });

  test('[J1] awkward names are names', () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      expect(updated([remove(name)], base)).toEqual(item(base));
      expect(updated([set('a', at(name))], base)).toBe(MISSING);
      const result = updated([setTo(`m.${name}`, { N: '1' })], { ...base, m: { M: {} } });
      if (typeof result !== 'object') throw new Error(result);
      expect([...result.keys()]).toEqual(['pk', 'm']);
      expect(valueAt(result, ['m'])).toEqual({
        type: 'M',
        value: new Map([[name, { type: 'N', value: '1' }]]),
      });
    }
  });
});

describe('[DB20] what UPDATED_OLD and UPDATED_NEW return', () => {
  const before = item({
    ...base,
    a: { M: { b: { S: 'dog' }, c: numbers(1, 2, 3) } },
    d: { S: 'cat' },
  });

  test.each<[string, Update, unknown, unknown]>([
    ['an attribute', [setTo('d', { S: 'cow' })], { d: { S: 'cat' } }, { d: { S: 'cow' } }],
    ['the same value again', [setTo('d', { S: 'cat' })], { d: { S: 'cat' } }, { d: { S: 'cat' } }],
    [
      'a leaf in its hierarchy',
      [setTo('a.b', { S: 'yo' })],
      { a: { M: { b: { S: 'dog' } } } },
      { a: { M: { b: { S: 'yo' } } } },
    ],
    [
      'list entries packed',
      [setTo('a.c[1]', { N: '7' })],
      { a: { M: { c: numbers(2) } } },
      { a: { M: { c: numbers(7) } } },
    ],
    [
      'siblings together',
      [setTo('a.c[1]', { N: '8' }), setTo('a.b', { S: 'x' })],
      { a: { M: { c: numbers(2), b: { S: 'dog' } } } },
      { a: { M: { c: numbers(8), b: { S: 'x' } } } },
    ],
    ['a new attribute', [setTo('x', { N: '1' })], undefined, { x: { N: '1' } }],
    ['a new member', [setTo('a.x', { N: '1' })], undefined, { a: { M: { x: { N: '1' } } } }],
    ['a removed attribute', [remove('d')], { d: { S: 'cat' } }, undefined],
    [
      'a removed element, whose place the next one takes',
      [remove('a.c[1]'), remove('a.c[3]')],
      { a: { M: { c: numbers(2) } } },
      { a: { M: { c: numbers(3) } } },
    ],
    [
      'an element past the end, which is somewhere else',
      [setTo('a.c[100]', { N: '7' })],
      undefined,
      undefined,
    ],
    ['nothing', [], undefined, undefined],
  ])('%s', (_, update, old, fresh) => {
    const result = applyUpdate(update, before, KEY);
    if (!result.ok) throw new Error(result.message);
    expect(touched(update, before, result.item, 'UPDATED_OLD')).toEqual(old && item(old));
    expect(touched(update, before, result.item, 'UPDATED_NEW')).toEqual(fresh && item(fresh));
  });

  test('an item that was not there has no old attributes, and a new one no key', () => {
    const update = [setTo('a', { N: '1' })];
    const result = applyUpdate(update, undefined, KEY);
    if (!result.ok) throw new Error(result.message);
    expect(touched(update, undefined, result.item, 'UPDATED_OLD')).toBe(undefined);
    expect(touched(update, undefined, result.item, 'UPDATED_NEW')).toEqual(item({ a: { N: '1' } }));
  });
});

describe('properties', () => {
  test('[S5] an update never changes the item it is given', () => {
    fc.assert(
      fc.property(denseItem, denseUpdate, (one, update) => {
        const copy = structuredClone(one);
        applyUpdate(update, one, KEY);
        expect(one).toEqual(copy);
      }),
      runs(300),
    );
  });

  test('[DB16] what no action touches stays as it is', () => {
    fc.assert(
      fc.property(denseItem, denseUpdate, densePath, (one, update, other) => {
        fc.pre(update.every((action) => !overlap(action.path, other)));
        // Elements move when one before them is removed.
        fc.pre(typeof other.at(-1) === 'string');
        const result = applyUpdate(update, one, KEY);
        if (result.ok && result.item)
          expect(valueAt(result.item, other)).toEqual(valueAt(one, other));
      }),
      runs(500),
    );
  });

  test('[DB16] a value that was set to a path of names is there', () => {
    fc.assert(
      fc.property(denseItem, densePath, denseValue, (one, target, put) => {
        const action: UpdateAction = {
          kind: 'set',
          path: target,
          value: { kind: 'value', value: put },
        };
        const result = applyUpdate([action], one, KEY);
        const parent = target.length === 1 ? undefined : valueAt(one, [target[0]]);
        const fits =
          target.length === 1 || parent?.type === (typeof target[1] === 'string' ? 'M' : 'L');
        expect(result.ok).toBe(fits);
        if (!result.ok || !result.item) return;
        const position = target[1];
        const last =
          parent?.type === 'L' ? Math.min(position as number, parent.value.length) : position;
        const where = last === undefined ? target : ([target[0], last] as const);
        expect(valueAt(result.item, where)).toEqual(put);
      }),
      runs(500),
    );
  });

  test('[DB16] the order of the actions does not matter', () => {
    fc.assert(
      fc.property(denseItem, denseUpdate, (one, update) => {
        const forward = applyUpdate(update, one, KEY);
        const backward = applyUpdate([...update].reverse(), one, KEY);
        expect(backward.ok).toBe(forward.ok);
        if (forward.ok) expect(backward).toEqual(forward);
      }),
      runs(500),
    );
  });
});
