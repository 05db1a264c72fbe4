import { describe, expect, test } from 'vitest';
import { EVER, Histories } from '../../src/sim/run/histories.ts';
import { ITEM_KINDS, type Item, itemName, keyOf, nameOf } from '../../src/sim/run/items.ts';

const KEY = itemName('register', 0);

function itemOf(value: string): Item {
  return { ...keyOf(KEY), v: { S: value } } as unknown as Item;
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
    histories.saw('c2', KEY, item, EVER);
    expect(histories.faults()).toEqual([]);
  });

  test('[D1] an eventually consistent read sees nothing that never was', () => {
    const histories = written();
    histories.saw('c2', KEY, itemOf('other'), EVER);
    expect(histories.faults()).toHaveLength(1);
  });

  test('[D1] an eventually consistent read sees nothing that is yet to come', () => {
    const histories = written();
    histories.saw('c2', KEY, itemOf('later'), EVER);
    histories.wrote('c1', KEY, { kind: 'put', value: 'later' }, true, histories.stamp());
    expect(histories.faults()).toHaveLength(1);
  });

  test('items have keys of their own, some of them in one partition', () => {
    const names = ITEM_KINDS.flatMap((kind) => [0, 1, 2, 7].map((n) => itemName(kind, n)));
    expect(names.map(keyOf).map(nameOf)).toEqual(names);
    expect(keyOf('list 0').pk).toEqual(keyOf('list 1').pk);
    expect(new Set(names.map((name) => JSON.stringify(keyOf(name)))).size).toBe(names.length);
  });
});
