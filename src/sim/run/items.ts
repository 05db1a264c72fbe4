/** Where the items are that clients read and write: the partition key is `pk`, a string, and the sort key, if any, `sk`, a number. */
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
  readonly sk?: { readonly N: string };
}

/** What an item is called in histories. */
export function itemName(kind: ItemKind, number: number): string {
  return `${kind} ${number}`;
}

export function kindOf(name: string): ItemKind {
  return name.slice(0, name.indexOf(' ')) as ItemKind;
}

/** How items lie in the table: so many of a kind share a partition. Where each has one to itself, the table has no sort key. */
export class Layout {
  readonly #partitionItems: number;

  constructor(partitionItems: number) {
    this.#partitionItems = partitionItems;
  }

  get hasSortKey(): boolean {
    return this.#partitionItems > 1;
  }

  keyOf(name: string): ItemKey {
    if (!this.hasSortKey) return { pk: { S: name } };
    const kind = kindOf(name);
    const number = Number(name.slice(kind.length + 1));
    const sort = number % this.#partitionItems;
    const partition = (number - sort) / this.#partitionItems;
    return { pk: { S: `${kind} ${partition}` }, sk: { N: String(sort) } };
  }

  /** The inverse of {@link keyOf}. */
  nameOf({ pk, sk }: Partial<ItemKey>): string {
    const text = pk?.S ?? '';
    if (!this.hasSortKey) return text;
    const [kind, partition] = text.split(' ');
    return itemName(kind as ItemKind, Number(partition) * this.#partitionItems + Number(sk?.N));
  }
}
