/** Where the items are that clients read and write: the partition key is `pk`, a string, and the sort key `sk`, a number. */
export const TABLE = 'simulated';

/**
 * What the items of a world are to their clients: registers, lists that are appended to, counters, and items that are written by who
 * knows their version.
 */
export const ITEM_KINDS = ['register', 'list', 'counter', 'versioned'] as const;
export type ItemKind = (typeof ITEM_KINDS)[number];

/** As much of an item as clients look at. */
export type Item = Readonly<
  Record<string, { readonly S: string; readonly N: string; readonly L: { readonly S: string }[] }>
>;

/** As requests have it. */
export interface ItemKey {
  readonly pk: { readonly S: string };
  readonly sk: { readonly N: string };
}

/** So many items of a kind share a partition. */
const PARTITION_ITEMS = 2;

/** What an item is called in histories. */
export function itemName(kind: ItemKind, number: number): string {
  return `${kind} ${number}`;
}

export function kindOf(name: string): ItemKind {
  return name.slice(0, name.indexOf(' ')) as ItemKind;
}

export function keyOf(name: string): ItemKey {
  const kind = kindOf(name);
  const number = Number(name.slice(kind.length + 1));
  const sort = number % PARTITION_ITEMS;
  const partition = (number - sort) / PARTITION_ITEMS;
  return { pk: { S: `${kind} ${partition}` }, sk: { N: String(sort) } };
}

/** The inverse of {@link keyOf}. */
export function nameOf({ pk, sk }: Partial<ItemKey>): string {
  const [kind, partition] = (pk?.S ?? '').split(' ');
  return itemName(kind as ItemKind, Number(partition) * PARTITION_ITEMS + Number(sk?.N));
}
