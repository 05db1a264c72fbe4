import fc from 'fast-check';
import { expect, test } from 'vitest';
import { attributeMapText, type Path, project, valueAt } from '../../src/item/index.ts';
import { item as anyItem, projection as anyProjection, denseItem, runs } from './arbitraries.ts';
import { item, path } from './build.ts';

const sample = item({
  pk: { S: 'key' },
  a: { M: { x: { N: '1' }, y: { N: '2' }, z: { L: [{ N: '10' }, { N: '11' }, { N: '12' }] } } },
  l: { L: [{ S: 'zero' }, { M: { p: { S: 'P' }, q: { S: 'Q' } } }, { S: 'two' }, { S: 'three' }] },
  e: { M: {} },
});

test.each<[string, unknown]>([
  ['pk', { pk: { S: 'key' } }],
  ['missing', {}],
  ['e', { e: { M: {} } }],
  ['a.x', { a: { M: { x: { N: '1' } } } }],
  ['a.y, a.x', { a: { M: { y: { N: '2' }, x: { N: '1' } } } }],
  ['a.z[2], a.x', { a: { M: { z: { L: [{ N: '12' }] }, x: { N: '1' } } } }],
  ['l[2], l[0]', { l: { L: [{ S: 'zero' }, { S: 'two' }] } }],
  ['l[3], l[1].q, l[1].p', { l: { L: [{ M: { q: { S: 'Q' }, p: { S: 'P' } } }, { S: 'three' }] } }],
  ['l[9], a.missing, a.x.deeper, pk[0], l.x, a[0]', {}],
  ['l[9], l[3]', { l: { L: [{ S: 'three' }] } }],
  ['a.z[0], a.z[1], a.z[2]', { a: { M: { z: { L: [{ N: '10' }, { N: '11' }, { N: '12' }] } } } }],
])('[DB24] %s', (paths, expected) => {
  expect(project(paths.split(', ').map(path), sample)).toEqual(item(expected));
});

test('[DB24] every path that leads somewhere is there, and nothing else', () => {
  fc.assert(
    fc.property(fc.oneof(anyItem, denseItem), anyProjection, (one, paths) => {
      const projected = project(paths, one);
      const found = paths.filter((each) => valueAt(one, each));
      expect(projected.size).toBe(new Set(found.map(([name]) => name)).size);
      // Positions move when elements are packed, so only paths through maps are found again where they were.
      for (const each of found.filter((steps) => steps.every((step) => typeof step === 'string'))) {
        expect(valueAt(projected, each)).toEqual(valueAt(one, each));
      }
      expect(project(found as Path[], one)).toEqual(projected);
    }),
    runs(300),
  );
});

test('[DB24] the order of the paths changes the order of the names only', () => {
  fc.assert(
    fc.property(fc.oneof(anyItem, denseItem), anyProjection, (one, paths) => {
      expect(project([...paths].reverse(), one)).toEqual(project(paths, one));
    }),
    runs(200),
  );
});

test('[S5] a path of 2,000 steps ends where the item ends', () => {
  const long: Path = ['a', ...Array.from({ length: 2000 }, () => 'x')];
  expect(attributeMapText(project([long, ['pk']], sample))).toBe('{"pk":{"S":"key"}}');
});
