import { describe, expect, test } from 'vitest';
import { Histories } from '../../src/sim/run/histories.ts';
import { ITEM_KINDS, type Item, itemName, Layout } from '../../src/sim/run/items.ts';

const KEY = itemName('register', 0);

function itemOf(value: string): Item {
  return { v: { S: value } } as unknown as Item;
}

/** A register that came to hold "old", then "new". */
function written(): Histories {
  const histories = new Histories();
  for (const value of ['old', 'new']) {
    histories.wrote('c1', KEY, { kind: 'put', value }, true, histories.stamp());
  }
  return histories;
}

describe('the histories of what clients saw', () => {
  test('[D1] a consistent read sees what was written last', () => {
    const histories = written();
    histories.saw('c2', KEY, itemOf('new'), histories.stamp());
    expect(histories.faults()).toEqual([]);
    histories.saw('c2', KEY, itemOf('old'), histories.stamp());
    expect(histories.faults()).toEqual([expect.stringContaining('register 0 is not linearizable')]);
  });

  test.each([
    ['what was written last', itemOf('new')],
    ['what was there before', itemOf('old')],
    ['what was there at first', undefined],
  ])('[D1] an eventually consistent read may see %s', (_, item) => {
    const histories = written();
    histories.saw('c2', KEY, item, histories.calledAt(false));
    expect(histories.faults()).toEqual([]);
  });

  test('[D1] an eventually consistent read sees nothing that never was', () => {
    const histories = written();
    histories.saw('c2', KEY, itemOf('other'), histories.calledAt(false));
    expect(histories.faults()).toHaveLength(1);
  });

  test('[D1] an eventually consistent read sees nothing that is yet to come', () => {
    const histories = written();
    histories.saw('c2', KEY, itemOf('later'), histories.calledAt(false));
    histories.wrote('c1', KEY, { kind: 'put', value: 'later' }, true, histories.stamp());
    expect(histories.faults()).toHaveLength(1);
  });

  test('[D1] an eventually consistent read may see any state of a list, and no other', () => {
    const list = itemName('list', 0);
    const saw = (...values: string[]) => {
      const histories = new Histories();
      for (const value of ['(1)', '(2)', '(3)']) {
        histories.wrote('c1', list, { kind: 'append', value }, true, histories.stamp());
      }
      const item = { l: { L: values.map((S) => ({ S })) } } as unknown as Item;
      histories.saw('c2', list, item, histories.calledAt(false));
      return histories.faults();
    };
    expect([saw(), saw('(1)'), saw('(1)', '(2)'), saw('(1)', '(2)', '(3)')].flat()).toEqual([]);
    expect(saw('(2)')).toHaveLength(1);
    expect(saw('(1)', '(3)')).toHaveLength(1);
    expect(saw('(2)', '(1)')).toHaveLength(1);
  });

  test('[D1] an eventually consistent read may see any sum of a counter, and no other', () => {
    const counter = itemName('counter', 0);
    const saw = (sum: number) => {
      const histories = new Histories();
      histories.added('c1', counter, 2, 2, histories.stamp());
      histories.added('c1', counter, 3, undefined, histories.stamp());
      histories.added('c1', counter, 4, 9, histories.stamp());
      const item = { n: { N: String(sum) } } as unknown as Item;
      histories.saw('c2', counter, item, histories.calledAt(false));
      return histories.faults().length;
    };
    expect([0, 2, 5, 9].map(saw)).toEqual([0, 0, 0, 0]);
    expect([3, 4, 6, 7].map(saw)).toEqual([1, 1, 1, 1]);
  });

  test('[D1] an eventually consistent read may see any version, and no other', () => {
    const versioned = itemName('versioned', 0);
    const saw = (value: string, version: number) => {
      const histories = new Histories();
      const put = (text: string, before: number) => {
        const input = { kind: 'put', value: text, version: before } as const;
        histories.replaced('c1', versioned, input, { kind: 'ok' }, histories.stamp());
      };
      put('old', 0);
      put('new', 1);
      const item = { v: { S: value }, n: { N: String(version) } };
      histories.saw('c2', versioned, item as unknown as Item, histories.calledAt(false));
      return histories.faults().length;
    };
    expect([saw('', 0), saw('old', 1), saw('new', 2)]).toEqual([0, 0, 0]);
    expect([saw('old', 2), saw('new', 1), saw('none', 1)]).toEqual([1, 1, 1]);
  });

  test.each([1, 2, 4])('items have keys of their own, %i of a kind in a partition', (number) => {
    const layout = new Layout(number);
    const names = ITEM_KINDS.flatMap((kind) => [0, 1, 2, 7].map((n) => itemName(kind, n)));
    const keys = names.map((name) => layout.keyOf(name));
    expect(keys.map((key) => layout.nameOf(key))).toEqual(names);
    expect(new Set(keys.map((key) => JSON.stringify(key))).size).toBe(names.length);
    const [first, second] = [layout.keyOf('list 0'), layout.keyOf('list 1')];
    expect([first.pk.S === second.pk.S, 'sk' in first]).toEqual(Array(2).fill(layout.hasSortKey));
  });
});
