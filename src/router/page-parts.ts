import { compareBytes } from '../bytes/index.ts';
import type { TableId } from '../controller/index.ts';
import { hashBound, type PageOperation, type PageOutcome, tableEnd } from '../item/index.ts';
import type { Route } from './routing-table.ts';

/** The part of a page's range that lies in one shard: storage keys, `from` inclusive, `to` exclusive. */
export interface Piece {
  readonly route: Route;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** What one shard answered. */
export interface PagePart {
  readonly kind: 'part';
  readonly page: PageOutcome;
  readonly from: Uint8Array;
  readonly to: Uint8Array;
}

/** The part of the operation that lies in the table; undefined when there is none, so that nothing need be read. */
export function withinTable(table: TableId, operation: PageOperation): PageOperation | undefined {
  const from = later(operation.from, hashBound(table, { high: 0, low: 0 }));
  const to = earlier(operation.to, tableEnd(table));
  return compareBytes(from, to) < 0 ? { ...operation, from, to } : undefined;
}

/** Where the page begins, in its direction; undefined when no shard covers anything of the range. */
export function firstPiece(
  routes: readonly Route[],
  table: TableId,
  operation: PageOperation,
): Piece | undefined {
  const ordered = operation.reverse ? routes.toReversed() : routes;
  for (const route of ordered) {
    const from = later(operation.from, hashBound(table, route.start));
    const to = earlier(operation.to, route.end ? hashBound(table, route.end) : tableEnd(table));
    if (compareBytes(from, to) < 0) return { route, from, to };
  }
  return undefined;
}

/** What is left of a page after a part of it; undefined when it is full or its range is done. */
export function afterPiece(operation: PageOperation, part: PagePart): PageOperation | undefined {
  const { page, from, to } = part;
  if (page.lastKey) return undefined;
  const rest: PageOperation = {
    ...operation,
    from: operation.reverse ? operation.from : to,
    to: operation.reverse ? from : operation.to,
    limit: operation.limit - page.scannedCount,
    maxBytes: operation.maxBytes - page.bytesRead,
  };
  return compareBytes(rest.from, rest.to) < 0 ? rest : undefined;
}

/** Of no pages: an empty one. */
export function joinPages(pages: readonly PageOutcome[]): PageOutcome {
  const only = pages[0];
  if (only && pages.length === 1) return only;
  const sum = (value: (page: PageOutcome) => number) =>
    pages.reduce((total, page) => total + value(page), 0);
  return {
    items: pages.flatMap(({ items }) => items),
    count: sum(({ count }) => count),
    scannedCount: sum(({ scannedCount }) => scannedCount),
    bytesRead: sum(({ bytesRead }) => bytesRead),
    lastKey: pages.at(-1)?.lastKey,
  };
}

function later(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) >= 0 ? a : b;
}

function earlier(a: Uint8Array, b: Uint8Array): Uint8Array {
  return compareBytes(a, b) <= 0 ? a : b;
}
