import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  applyUpdate,
  type Condition,
  encodeAttributeMap,
  encodeStoredItem,
  evaluateCondition,
  runWrite,
  type StoredItem,
  sizeOfItem,
  type UpdateAction,
  type WriteOperation,
} from '../../src/item/index.ts';
import { denseCondition, denseItem, denseUpdate, runs } from './arbitraries.ts';
import { constant, item, jsonOf } from './build.ts';

const KEY = { pk: { S: 'key' } };
const old = { ...KEY, a: { N: '1' } };
const EXISTS: Condition = { kind: 'attribute_exists', path: ['pk'] };
const MISSING: Condition = { kind: 'attribute_not_exists', path: ['pk'] };

function stored(json: unknown): StoredItem {
  return encodeStoredItem(item(json));
}

const free = { condition: undefined, returnItemOnConditionFailure: false } as const;

function put(json: unknown, more: Partial<WriteOperation> = {}): WriteOperation {
  return {
    kind: 'put',
    item: stored(json),
    returnValues: 'NONE',
    ...free,
    ...more,
  } as WriteOperation;
}

function remove(more: Partial<WriteOperation> = {}): WriteOperation {
  return { kind: 'delete', returnValues: 'NONE', ...free, ...more } as WriteOperation;
}

function update(actions: UpdateAction[], more: Partial<WriteOperation> = {}): WriteOperation {
  return {
    kind: 'update',
    key: item(KEY),
    update: actions,
    returnValues: 'NONE',
    ...free,
    ...more,
  } as WriteOperation;
}

const SET_A: UpdateAction = { kind: 'set', path: ['a'], value: constant({ N: '2' }) };

/** The result with its bytes as JSON. */
function run(operation: WriteOperation, current?: unknown): unknown {
  const { outcome, effect } = runWrite(
    operation,
    current === undefined ? undefined : stored(current),
  );
  return {
    ...outcome,
    ...(outcome.kind === 'written' && { attributes: jsonOf(outcome.attributes) }),
    ...(outcome.kind === 'condition-failed' && { item: jsonOf(outcome.item) }),
    effect: effect?.kind === 'put' ? jsonOf(effect.item.json) : effect?.kind,
  };
}

const size = (json: unknown) => sizeOfItem(item(json));

function written(before: unknown, next: unknown, attributes: unknown, effect: unknown): unknown {
  return {
    kind: 'written',
    sizeBefore: before ? size(before) : 0,
    sizeAfter: next ? size(next) : 0,
    attributes,
    effect,
  };
}

const fresh = { ...KEY, b: { S: 'x' } };

describe('put', () => {
  test('makes and replaces an item', () => {
    expect(run(put(fresh))).toEqual(written(undefined, fresh, undefined, fresh));
    expect(run(put(fresh), old)).toEqual(written(old, fresh, undefined, fresh));
  });

  test('ALL_OLD returns what was there', () => {
    expect(run(put(fresh, { returnValues: 'ALL_OLD' }))).toEqual(
      written(undefined, fresh, undefined, fresh),
    );
    expect(run(put(fresh, { returnValues: 'ALL_OLD' }), old)).toEqual(
      written(old, fresh, old, fresh),
    );
  });

  test('without a condition the current item is not parsed', () => {
    const damaged: StoredItem = { json: Uint8Array.of(1, 2, 3), size: 50 };
    for (const returnValues of ['NONE', 'ALL_OLD'] as const) {
      expect(runWrite(put(fresh, { returnValues }), damaged).effect?.kind).toBe('put');
      expect(runWrite(remove({ returnValues }), damaged).effect?.kind).toBe('delete');
    }
    expect(() => runWrite(put(fresh, { condition: EXISTS }), damaged)).toThrow('damaged');
  });

  test('of the very same item has no effect', () => {
    expect(run(put(old), old)).toEqual(written(old, old, undefined, undefined));
  });
});

describe('delete', () => {
  test('takes the item away', () => {
    expect(run(remove(), old)).toEqual(written(old, undefined, undefined, 'delete'));
    expect(run(remove({ returnValues: 'ALL_OLD' }), old)).toEqual(
      written(old, undefined, old, 'delete'),
    );
  });

  test('of a missing item has no effect', () => {
    expect(run(remove({ returnValues: 'ALL_OLD' }))).toEqual(
      written(undefined, undefined, undefined, undefined),
    );
  });
});

describe('update', () => {
  const next = { ...KEY, a: { N: '2' } };

  test.each<[string, unknown, unknown]>([
    ['NONE', undefined, undefined],
    ['ALL_OLD', old, undefined],
    ['ALL_NEW', next, next],
    ['UPDATED_OLD', { a: { N: '1' } }, undefined],
    ['UPDATED_NEW', { a: { N: '2' } }, { a: { N: '2' } }],
  ])('[DB20] %s', (returnValues, ofOld, ofNothing) => {
    const operation = update([SET_A], { returnValues: returnValues as 'NONE' });
    expect(run(operation, old)).toEqual(written(old, next, ofOld, next));
    expect(run(operation)).toEqual(written(undefined, next, ofNothing, next));
  });

  test('[DB15] without changes creates the item, with removals alone does not', () => {
    expect(run(update([]))).toEqual(written(undefined, KEY, undefined, KEY));
    const removal = update([{ kind: 'remove', path: ['a'] }], { returnValues: 'ALL_NEW' });
    expect(run(removal)).toEqual(written(undefined, undefined, undefined, undefined));
  });

  test('that changes nothing has no effect', () => {
    expect(run(update([]), old)).toEqual(written(old, old, undefined, undefined));
    expect(run(update([SET_A]), next)).toEqual(written(next, next, undefined, undefined));
  });

  test('[DB11] that the item makes impossible is invalid and leaves everything as it was', () => {
    const large: UpdateAction = {
      kind: 'set',
      path: ['a'],
      value: constant({ S: 'x'.repeat(410_000) }),
    };
    const message = 'Item size to update has exceeded the maximum allowed size';
    for (const current of [undefined, old]) {
      expect(run(update([large]), current)).toEqual({
        kind: 'invalid',
        message,
        effect: undefined,
      });
    }
  });
});

describe('condition', () => {
  const all = (more: Partial<WriteOperation>) => [
    put(fresh, more),
    remove(more),
    update([SET_A], more),
  ];

  test('that holds lets the write pass', () => {
    for (const operation of all({ condition: EXISTS })) {
      expect(run(operation, old)).toMatchObject({ kind: 'written' });
    }
    for (const operation of all({ condition: MISSING })) {
      expect(run(operation)).toMatchObject({ kind: 'written' });
    }
  });

  test('that fails leaves everything as it was', () => {
    for (const operation of all({ condition: MISSING })) {
      expect(run(operation, old)).toEqual({
        kind: 'condition-failed',
        sizeBefore: size(old),
        item: undefined,
        effect: undefined,
      });
    }
    for (const operation of all({ condition: EXISTS })) {
      expect(run(operation)).toMatchObject({ kind: 'condition-failed', sizeBefore: 0 });
    }
  });

  test('that fails returns the item to whoever asked', () => {
    for (const operation of all({ condition: MISSING, returnItemOnConditionFailure: true })) {
      expect(run(operation, old)).toMatchObject({ kind: 'condition-failed', item: old });
    }
    for (const operation of all({ condition: EXISTS, returnItemOnConditionFailure: true })) {
      expect(run(operation)).toMatchObject({ kind: 'condition-failed', item: undefined });
    }
  });
});

test('[S5] a write is the condition, then the update, and the same every time', () => {
  fc.assert(
    fc.property(
      fc.option(denseItem, { nil: undefined }),
      denseCondition,
      denseUpdate,
      (before, condition, actions) => {
        const current = before && encodeStoredItem(before);
        const operation = update(actions, { condition, returnValues: 'ALL_NEW' });
        const result = runWrite(operation, current);
        expect(runWrite(operation, current)).toEqual(result);
        if (!evaluateCondition(condition, before)) {
          expect(result).toMatchObject({
            outcome: { kind: 'condition-failed' },
            effect: undefined,
          });
          return;
        }
        const expected = applyUpdate(actions, before, item(KEY));
        expect(result.outcome.kind).toBe(expected.ok ? 'written' : 'invalid');
        if (expected.ok && result.outcome.kind === 'written') {
          expect(result.outcome.attributes).toEqual(
            expected.item && encodeAttributeMap(expected.item),
          );
          expect(result.outcome.sizeAfter).toBe(expected.item ? sizeOfItem(expected.item) : 0);
        }
      },
    ),
    runs(500),
  );
});
