import { utf8Text } from '../../src/bytes/index.ts';
import type { Table, TableSpec } from '../../src/controller/index.ts';
import {
  type AttributeValue,
  encodeKeyValue,
  encodeStoredItem,
  type Item,
  type ItemKey,
  makeItemKey,
  type PageOperation,
  storageKey,
  tableEnd,
  type WriteOperation,
  type WriteOutcome,
} from '../../src/item/index.ts';
import { nodeHost } from '../../src/platform/index.ts';
import type { Failure, Router } from '../../src/router/index.ts';
import { World, type WorldOptions } from '../../src/sim/index.ts';

/** One hop to the end of Node's event loop, by when every microtask has run. */
export const drain = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function makeWorld(seed: number, options: Partial<WorldOptions> = {}): World {
  return new World({ seed, host: nodeHost(), ...options });
}

/** A formed cluster whose groups have leaders. */
export async function formedWorld(
  seed: number,
  options: Partial<WorldOptions> = {},
): Promise<World> {
  const world = makeWorld(seed, options);
  await world.start();
  await world.until(() => world.isReady, 10_000);
  return world;
}

export function specOf(name: string, more: Partial<TableSpec> = {}): TableSpec {
  return {
    name,
    partitionKey: { name: 'pk', type: 'S' },
    sortKey: undefined,
    billingMode: 'PAY_PER_REQUEST',
    readCapacity: 0,
    writeCapacity: 0,
    deletionProtection: false,
    tableClass: 'STANDARD',
    tags: [],
    ...more,
  };
}

export function routerOf(world: World, name: string): Router {
  const { router } = world.machine(name);
  if (!router) throw new Error(`${name} does not run`);
  return router;
}

/** A new table, once it can be used. */
export async function createTable(world: World, name: string, via = 'n1'): Promise<Table> {
  const router = routerOf(world, via);
  const outcome = await world.settle(router.createTable(specOf(name)));
  if (outcome.kind !== 'created') throw new Error(`create-table: ${outcome.kind}`);
  for (;;) {
    const found = await world.settle(Promise.resolve(router.findTable(name)));
    if ('shards' in found) return found;
    await world.run(20);
  }
}

export function keyOf(partition: string, sort?: string): ItemKey {
  const bytes = (text: string) => encodeKeyValue({ type: 'S', value: text });
  return makeItemKey(bytes(partition), sort === undefined ? undefined : bytes(sort));
}

const S = (value: string): AttributeValue => ({ type: 'S', value });
const N = (value: number): AttributeValue => ({ type: 'N', value: String(value) });

export function itemOf(partition: string, v: string): Item {
  return new Map([
    ['pk', S(partition)],
    ['v', S(v)],
  ]);
}

export function putOf(partition: string, v: string): WriteOperation {
  return {
    kind: 'put',
    item: encodeStoredItem(itemOf(partition, v)),
    returnValues: 'NONE',
    condition: undefined,
    returnItemOnConditionFailure: false,
  };
}

/** ADD n :amount, which takes effect as often as it is applied; gives the new value back. */
export function addOf(partition: string, amount = 1): WriteOperation {
  return {
    kind: 'update',
    key: new Map([['pk', S(partition)]]),
    update: [{ kind: 'add', path: ['n'], value: N(amount) }],
    returnValues: 'UPDATED_NEW',
    condition: undefined,
    returnItemOnConditionFailure: false,
  };
}

export function put(
  router: Router,
  table: Table,
  key: string,
  v: string,
): Promise<WriteOutcome | Failure> {
  return router.write(table, keyOf(key), putOf(key, v));
}

/** The counter after one more; a failure's kind otherwise. */
export async function add(
  router: Router,
  table: Table,
  key: string,
  retry?: Uint8Array,
): Promise<number | string> {
  const outcome = await router.write(table, keyOf(key), addOf(key), retry);
  if (outcome.kind !== 'written' || !outcome.attributes) return outcome.kind;
  return Number(JSON.parse(utf8Text(outcome.attributes)).n.N);
}

/** The attribute `v`, or `n` of a counter; undefined when there is no item; a failure's kind in the form {failed}. */
export async function get(
  router: Router,
  table: Table,
  key: string,
  consistent = true,
): Promise<string | undefined | { readonly failed: string }> {
  const found = await router.read(table, keyOf(key), consistent);
  if (found.kind !== 'found') return { failed: found.kind };
  if (!found.item) return undefined;
  const json = JSON.parse(utf8Text(found.item.json));
  return json.v?.S ?? json.n?.N;
}

/** The whole table in one page. */
export function wholeTable(table: Table, more: Partial<PageOperation> = {}): PageOperation {
  const first = storageKey(table.id, { ...keyOf(''), hash: { high: 0, low: 0 } }).subarray(0, 4);
  return {
    from: first,
    to: tableEnd(table.id),
    reverse: false,
    limit: 1_000_000,
    maxBytes: 100_000_000,
    filter: undefined,
    projection: undefined,
    countOnly: false,
    ...more,
  };
}
