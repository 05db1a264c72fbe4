import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  attributeMapText,
  encodeBase64,
  MAX_ATTRIBUTE_NAME_BYTES,
  parseAttributeMap,
  parseAttributeValue,
} from '../../src/item/index.ts';
import { AWKWARD_NAMES, item as anyItem, runs } from './arbitraries.ts';
import { nested, value } from './build.ts';

const EMPTY =
  'Supplied AttributeValue is empty, must contain exactly one of the supported datatypes';
const SEVERAL =
  'Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes';
const INVALID = 'One or more parameter values were invalid: ';

function problem(json: unknown): unknown {
  const parsed = parseAttributeValue(json);
  return parsed.ok ? parsed.value : parsed.problem;
}

describe('validation', () => {
  test.each<[unknown, string]>([
    [{}, EMPTY],
    [null, EMPTY],
    [undefined, EMPTY],
    [{ S: null }, EMPTY],
    [{ X: 'a' }, EMPTY],
    [{ constructor: 'a' }, EMPTY],
    [{ S: 'a', N: '1' }, SEVERAL],
    [{ L: [], M: {} }, SEVERAL],
    [{ L: [null] }, EMPTY],
    [{ L: [{}] }, EMPTY],
    [{ M: { a: null } }, EMPTY],
    [{ N: '' }, 'The parameter cannot be converted to a numeric value'],
    [{ N: 'abc' }, 'The parameter cannot be converted to a numeric value: abc'],
    [{ N: '1'.repeat(39) }, 'Attempting to store more than 38 significant digits in a Number'],
    [{ NULL: false }, `${INVALID}Null attribute value types must have the value of true`],
    [{ SS: [] }, `${INVALID}An string set  may not be empty`],
    [{ NS: [] }, `${INVALID}An number set  may not be empty`],
    [{ BS: [] }, `${INVALID}Binary sets should not be empty`],
    [{ SS: ['a', 'b', 'a'] }, `${INVALID}Input collection [a, b, a] contains duplicates.`],
    [{ NS: ['1', '1'] }, 'Input collection contains duplicates'],
    [
      { BS: ['AA==', 'AA=='] },
      `${INVALID}Input collection [AA==, AA==]of type BS contains duplicates.`,
    ],
    [{ NS: ['1', 'x'] }, 'The parameter cannot be converted to a numeric value: x'],
    [{ L: [{ M: { a: { NS: ['1', '1.0'] } } }] }, 'Input collection contains duplicates'],
    [
      { L: [{ M: { a: { BS: ['AA==', 'AA=='] } } }] },
      `${INVALID}Input collection [AA==, AA==]of type BS contains duplicates.`,
    ],
    [{ M: { '': { S: 'a' } } }, `${INVALID}Attribute name must not be empty`],
  ])('[DB12] %j', (json, message) => {
    expect(problem(json)).toEqual({ kind: 'validation', message });
  });

  test('[DB12] the first problem of several is told', () => {
    expect(problem({ L: [{ N: 'first' }, { SS: [] }, { N: 'last' }] })).toEqual({
      kind: 'validation',
      message: 'The parameter cannot be converted to a numeric value: first',
    });
  });

  test('[DB9] members of a set are duplicates whatever their spelling', () => {
    expect(problem({ NS: ['1', '1.0'] })).toMatchObject({ kind: 'validation' });
    expect(problem({ NS: ['100', '1e2'] })).toMatchObject({ kind: 'validation' });
    expect(problem({ NS: ['0', '-0.0'] })).toMatchObject({ kind: 'validation' });
  });

  test('[DB12] empty strings and binaries are values, also in lists, maps and sets', () => {
    for (const json of [{ S: '' }, { B: '' }, { L: [{ S: '' }] }, { SS: [''] }, { BS: [''] }]) {
      expect(parseAttributeValue(json).ok).toBe(true);
    }
  });

  test('[DB9] sets come out in one order, numbers in one spelling', () => {
    expect(value({ NS: ['10', '9', '-1e0', '0.50'] })).toEqual({
      type: 'NS',
      value: ['-1', '0.5', '9', '10'],
    });
    expect(value({ SS: ['\u{1f600}', '\uffff', 'b', 'a'] })).toEqual({
      type: 'SS',
      value: ['a', 'b', '\uffff', '\u{1f600}'],
    });
    expect(value({ BS: ['/w==', '', 'AAA=', 'AA=='] })).toEqual({
      type: 'BS',
      value: [[], [0], [0, 0], [255]].map((bytes) => Uint8Array.from(bytes)),
    });
  });

  test('[DB7] names have 1 to 65,535 bytes', () => {
    const parse = (name: string) => parseAttributeMap({ [name]: { S: 'a' } });
    expect(parse('').ok).toBe(false);
    expect(parse('n'.repeat(MAX_ATTRIBUTE_NAME_BYTES)).ok).toBe(true);
    expect(parse('n'.repeat(MAX_ATTRIBUTE_NAME_BYTES + 1))).toEqual({
      ok: false,
      problem: {
        kind: 'validation',
        message: `${INVALID}Attribute name is too large, must be less than 65536 bytes`,
      },
    });
    expect(parse('é'.repeat(32_767)).ok).toBe(true);
    expect(parse('é'.repeat(32_768)).ok).toBe(false);
  });

  test.each(['L', 'M'] as const)('[B4] 32 levels of %s are allowed, 33 are not', (kind) => {
    expect(parseAttributeValue(nested(31, kind)).ok).toBe(true);
    expect(parseAttributeValue(nested(32, kind)).ok).toBe(true);
    expect(problem(nested(33, kind))).toMatchObject({
      kind: 'validation',
      message: expect.stringContaining('Nesting Levels have exceeded supported limits'),
    });
  });

  test.each(['L', 'M'] as const)('[S5] 50,000 levels of %s do not overflow the stack', (kind) => {
    expect(problem(nested(50_000, kind))).toMatchObject({ kind: 'validation' });
  });
});

describe('wrong JSON', () => {
  test.each<[unknown, string]>([
    ['a', 'Unexpected value type in payload'],
    [1, 'Unexpected value type in payload'],
    [true, 'Unexpected value type in payload'],
    [[], 'Unrecognized collection type class java.util.ArrayList'],
    [{ S: 1 }, 'NUMBER_VALUE cannot be converted to String'],
    [{ N: 1 }, 'NUMBER_VALUE cannot be converted to String'],
    [{ N: 1.5 }, 'DECIMAL_VALUE cannot be converted to String'],
    [{ N: true }, 'TRUE_VALUE cannot be converted to String'],
    [{ S: false }, 'FALSE_VALUE cannot be converted to String'],
    [{ S: [] }, 'Unrecognized collection type class java.lang.String'],
    [{ S: {} }, 'Start of structure or map found where not expected.'],
    [{ BOOL: 'x' }, 'Unexpected token received from parser'],
    [{ BOOL: 1 }, 'NUMBER_VALUE cannot be converted to Boolean'],
    [{ BOOL: [] }, 'Unrecognized collection type class java.lang.Boolean'],
    [{ NULL: 'true' }, 'Unexpected token received from parser'],
    [{ NULL: {} }, 'Start of structure or map found where not expected.'],
    [{ B: 1 }, 'only base-64-encoded strings are convertible to bytes'],
    [{ B: true }, 'only base-64-encoded strings are convertible to bytes'],
    [{ B: [] }, 'Unrecognized collection type class java.nio.ByteBuffer'],
    [{ B: {} }, 'Start of structure or map found where not expected.'],
    [{ B: 'abc' }, 'Base64 encoded length is expected a multiple of 4 bytes but found: 3'],
    [{ B: 'ab!=' }, "Invalid Base64 character: '!'"],
    [{ B: 'a=bc' }, "Invalid Base64 character: '='"],
    [{ B: 'AB==' }, 'Invalid last non-pad Base64 character dectected'],
    [{ SS: 'a' }, 'Unexpected field type'],
    [{ SS: {} }, 'Start of structure or map found where not expected.'],
    [{ SS: [1] }, 'NUMBER_VALUE cannot be converted to String'],
    [{ NS: [1] }, 'NUMBER_VALUE cannot be converted to String'],
    [{ BS: [1] }, 'only base-64-encoded strings are convertible to bytes'],
    [{ L: 'a' }, 'Unexpected field type'],
    [{ L: {} }, 'Start of structure or map found where not expected.'],
    [{ L: ['a'] }, 'Unexpected value type in payload'],
    [{ M: 'a' }, 'Unexpected field type'],
    [{ M: [] }, 'Unrecognized collection type class java.util.ArrayList'],
    [{ M: { a: 'b' } }, 'Unexpected value type in payload'],
  ])('[DB4] %j', (json, message) => {
    expect(problem(json)).toEqual({ kind: 'serialization', message });
  });

  test('[DB4] comes before what is invalid, wherever it stands', () => {
    expect(problem({ L: [{ SS: [] }, { N: 'x' }, { N: 1 }] })).toEqual({
      kind: 'serialization',
      message: 'NUMBER_VALUE cannot be converted to String',
    });
  });
});

describe('texts and names', () => {
  test('[J1] names of object members are attribute names like any other', () => {
    for (const name of AWKWARD_NAMES.filter((one) => one !== '')) {
      const json: unknown = JSON.parse(
        `{${JSON.stringify(name)}: {"M": {${JSON.stringify(name)}: {"S": "x"}}}}`,
      );
      const parsed = parseAttributeMap(json);
      expect(parsed).toMatchObject({ ok: true });
      if (!parsed.ok) continue;
      expect([...parsed.value.keys()]).toEqual([name]);
      expect(attributeMapText(parsed.value)).toBe(`{"${name}":{"M":{"${name}":{"S":"x"}}}}`);
    }
    expect(Object.getOwnPropertyNames(Object.prototype).sort()).toEqual(
      [
        '__defineGetter__',
        '__defineSetter__',
        '__lookupGetter__',
        '__lookupSetter__',
        '__proto__',
        'constructor',
        'hasOwnProperty',
        'isPrototypeOf',
        'propertyIsEnumerable',
        'toLocaleString',
        'toString',
        'valueOf',
      ].sort(),
    );
  });

  test('[J1] an inherited type is no type', () => {
    const inherited: unknown = Object.create({ S: 'a' });
    expect(problem(inherited)).toMatchObject({ message: EMPTY });
    expect(problem(JSON.parse('{"__proto__": {"S": "a"}}'))).toMatchObject({ message: EMPTY });
  });

  test('[J3] lone surrogates become U+FFFD in values, names and members', () => {
    expect(value({ S: 'a\ud800b\udc00\u{1f600}' })).toEqual({
      type: 'S',
      value: 'a\ufffdb\ufffd\u{1f600}',
    });
    expect(value({ SS: ['\udfff'] })).toEqual({ type: 'SS', value: ['\ufffd'] });
    expect(value({ M: { '\ud83d': { NULL: true } } })).toEqual({
      type: 'M',
      value: new Map([['\ufffd', { type: 'NULL' }]]),
    });
    expect(problem({ SS: ['\ud800', '\ud801'] })).toMatchObject({ kind: 'validation' });
  });

  test('[J3] NUL, composed and decomposed forms are kept apart and as they are', () => {
    expect(value({ SS: ['e\u0301', '\u00e9', '\u0000'] })).toEqual({
      type: 'SS',
      value: ['\u0000', 'e\u0301', '\u00e9'],
    });
  });

  test('[J3] reads back what it wrote', () => {
    fc.assert(
      fc.property(anyItem, (item) => {
        const parsed = parseAttributeMap(JSON.parse(attributeMapText(item)));
        expect(parsed.ok && parsed.value).toEqual(item);
      }),
      runs(200),
    );
  });

  test('base64 agrees with Node.js', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64');
        expect(encodeBase64(bytes)).toBe(text);
        expect(value({ B: text })).toEqual({ type: 'B', value: bytes });
      }),
      runs(200),
    );
  });

  test('base64 accepts one text for each sequence of bytes', () => {
    fc.assert(
      fc.property(fc.base64String({ maxLength: 12 }), fc.string({ maxLength: 8 }), (good, any) => {
        for (const text of [good, any]) {
          const canonical = Buffer.from(text, 'base64').toString('base64');
          expect(parseAttributeValue({ B: text }).ok).toBe(canonical === text);
        }
      }),
      runs(300),
    );
  });
});
