import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Condition,
  encodeStoredItem,
  evaluateCondition,
  PageCollector,
  type PageOperation,
  type PageOutcome,
  project,
  type StoredItem,
} from '../../src/item/index.ts';
import { projection as anyProjection, denseCondition, denseItem, runs } from './arbitraries.ts';
import { at, constant, item, jsonOf } from './build.ts';

const everything: PageOperation = {
  from: new Uint8Array(0),
  to: Uint8Array.of(255),
  reverse: false,
  limit: 1000,
  maxBytes: 1024 * 1024,
  filter: undefined,
  projection: undefined,
  countOnly: false,
};

const key = (i: number) => Uint8Array.of(i);

/** What a reader of the engine does with a collector. */
function page(operation: Partial<PageOperation>, items: readonly StoredItem[]): PageOutcome {
  const collector = new PageCollector({ ...everything, ...operation });
  for (const [i, stored] of items.entries()) {
    if (collector.add(key(i), stored) === 'full') return collector.finish(key(i));
  }
  return collector.finish(undefined);
}

function numbered(count: number): StoredItem[] {
  return Array.from({ length: count }, (_, i) => encodeStoredItem(item({ n: { N: String(i) } })));
}

const below = (limit: number): Condition => ({
  kind: 'compare',
  comparator: '<',
  left: at('n'),
  right: constant({ N: String(limit) }),
});

describe('limit', () => {
  test.each([
    [1, 1, true],
    [4, 4, true],
    [5, 5, true],
    [6, 5, false],
  ])('[DB27] %i of five items: %i are read, a last key: %s', (limit, read, more) => {
    const outcome = page({ limit }, numbered(5));
    expect(outcome.scannedCount).toBe(read);
    expect(outcome.count).toBe(read);
    expect(outcome.items.length).toBe(read);
    expect(outcome.lastKey).toEqual(more ? key(read - 1) : undefined);
  });

  test('[DB27] counts items before the filter; an empty page can have a last key', () => {
    const outcome = page({ limit: 3, filter: below(0) }, numbered(5));
    expect(outcome).toMatchObject({ items: [], count: 0, scannedCount: 3, lastKey: key(2) });
  });

  test('a page of no items is refused', () => {
    expect(() => new PageCollector({ ...everything, limit: 0 })).toThrow(RangeError);
  });
});

describe('bytes', () => {
  const of = (...sizes: number[]): StoredItem[] =>
    sizes.map((size) => encodeStoredItem(item({ a: { S: 'x'.repeat(size - 1) } })));

  test.each([
    [99, 100, undefined],
    [100, 100, 1],
    [101, 101, 1],
  ])('[DB28] items of 50 and %i - 50 bytes make %i read', (total, _, last) => {
    const outcome = page({ maxBytes: 100 }, of(50, total - 50));
    expect(outcome.bytesRead).toBe(total);
    expect(outcome.lastKey).toEqual(last === undefined ? undefined : key(last));
  });

  test('[DB28] are those of the items as they are, before filter and projection', () => {
    const outcome = page({ maxBytes: 100, filter: below(0), projection: [['b']] }, of(60, 60, 60));
    expect(outcome).toMatchObject({ count: 0, scannedCount: 2, bytesRead: 120, lastKey: key(1) });
  });

  test('[DB28] an item larger than the page is a page', () => {
    expect(page({ maxBytes: 10 }, of(60, 60))).toMatchObject({ scannedCount: 1, lastKey: key(0) });
  });
});

describe('filter, projection and count', () => {
  test('[E4] without filter and projection the bytes go out as they are stored', () => {
    const damaged: StoredItem = { json: Uint8Array.of(1, 2, 3), size: 3 };
    const outcome = page({}, [damaged]);
    expect(outcome.items[0]).toBe(damaged.json);
    expect(page({ countOnly: true, projection: [['a']] }, [damaged]).count).toBe(1);
  });

  test('[DB31] a count returns no items', () => {
    expect(page({ countOnly: true, filter: below(2) }, numbered(5))).toMatchObject({
      items: [],
      count: 2,
      scannedCount: 5,
      lastKey: undefined,
    });
  });

  test('[DB24] agrees with filter and projection done one by one', () => {
    fc.assert(
      fc.property(
        fc.array(denseItem, { maxLength: 5 }),
        denseCondition,
        anyProjection,
        (items, filter, projection) => {
          const outcome = page({ filter, projection }, items.map(encodeStoredItem));
          const kept = items.filter((one) => evaluateCondition(filter, one));
          expect(outcome.count).toBe(kept.length);
          expect(outcome.scannedCount).toBe(items.length);
          expect(outcome.items.map((bytes) => item(jsonOf(bytes)))).toEqual(
            kept.map((one) => project(projection, one)),
          );
        },
      ),
      runs(200),
    );
  });
});
