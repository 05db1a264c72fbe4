import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byteLengthUtf8, utf8, utf8Into, utf8Text } from '../../src/bytes/index.ts';

const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.string({ unit: 'grapheme-ascii', maxLength: 80 }),
  fc.string({ unit: fc.constantFrom('a', '\ud800', '\udc00', 'é', '\uffff'), maxLength: 80 }),
);

test('UTF-8 is that of Node.js, a lone surrogate three bytes', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const expected = Uint8Array.from(Buffer.from(text));
      expect(utf8(text)).toEqual(expected);
      expect(byteLengthUtf8(text)).toBe(expected.length);
      expect(utf8Text(expected)).toBe(Buffer.from(expected).toString());
    }),
    { seed: 1, numRuns: 500 },
  );
});

test('writing in place touches nothing else', () => {
  fc.assert(
    fc.property(anyText, fc.nat({ max: 5 }), (text, position) => {
      const target = new Uint8Array(position + 3 * text.length);
      const expected = utf8(text);
      expect(utf8Into(text, target, position)).toBe(expected.length);
      expect(target.subarray(position, position + expected.length)).toEqual(expected);
      expect(target.subarray(0, position).every((byte) => byte === 0)).toBe(true);
      if (text !== '') expect(() => utf8Into(text, target, position + 1)).toThrow(RangeError);
    }),
    { seed: 2, numRuns: 200 },
  );
});
