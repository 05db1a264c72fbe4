import { compareBytes } from '../../bytes/index.ts';
import type { Table } from '../../controller/index.ts';
import {
  type Condition,
  encodeAttributeMap,
  type PageOperation,
  type Projection,
} from '../../item/index.ts';
import type { Failure, Page } from '../../router/index.ts';
import type { ApiContext } from '../context.ts';
import { JsonBody } from '../encode/body.ts';
import { consumedCapacity, type ReturnConsumedCapacity, readUnits } from '../encode/capacity.ts';
import { validationError } from '../errors.ts';
import type { KeyRange } from './key-conditions.ts';
import { keyOfStorageKey } from './start-key.ts';
import { failureError } from './table.ts';

/** A page ends with the item that takes the sum of sizes to 1 MB, before filter and projection. */
const PAGE_BYTES_MAX = 1_048_576;
/** What a page is asked for when there is no Limit: more items than fit into one. */
const NO_LIMIT = 0x7fff_ffff;

/** Of Query and Scan alike. */
interface PageParameters {
  readonly TableName: string;
  readonly IndexName: string | undefined;
  readonly Select: Select | undefined;
  readonly Limit: number | undefined;
  readonly ConsistentRead: boolean | undefined;
  readonly ReturnConsumedCapacity: ReturnConsumedCapacity | undefined;
  readonly ProjectionExpression: string | undefined;
  readonly AttributesToGet: readonly string[] | undefined;
}

type Select = 'SPECIFIC_ATTRIBUTES' | 'COUNT' | 'ALL_ATTRIBUTES' | 'ALL_PROJECTED_ATTRIBUTES';

/** What Select allows. Throws ValidationException. */
export function checkSelect(input: PageParameters): void {
  const { Select: select, ProjectionExpression: expression, AttributesToGet: names } = input;
  if (select === undefined) return;
  if (select === 'ALL_PROJECTED_ATTRIBUTES' && input.IndexName === undefined) {
    throw validationError(
      'ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName',
    );
  }
  const projection =
    expression !== undefined
      ? 'ProjectionExpression'
      : names !== undefined
        ? 'AttributesToGet'
        : undefined;
  if (select === 'SPECIFIC_ATTRIBUTES') {
    if (projection !== undefined) return;
    throw validationError(
      'Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES',
    );
  }
  if (projection === undefined) return;
  const chosen = select === 'COUNT' ? 'only the Count' : select;
  throw validationError(`Cannot specify the ${projection} when choosing to get ${chosen}`);
}

/** There are no indexes yet. Throws ValidationException. */
export function refuseIndex(name: string | undefined): void {
  if (name === undefined) return;
  throw validationError(`The table does not have the specified index: ${name}`);
}

interface PlannedPage {
  readonly range: KeyRange;
  /** Its last key is told, from which another page may go on. */
  readonly goesOn: boolean;
  readonly reverse: boolean;
  readonly filter: Condition | undefined;
  readonly projection: Projection | undefined;
}

/** Reads one page and puts its answer together. Rejects with an ApiError. */
export async function readPage(
  context: ApiContext,
  input: PageParameters,
  table: Table,
  plan: PlannedPage,
): Promise<Uint8Array> {
  const countOnly = input.Select === 'COUNT';
  const consistent = input.ConsistentRead ?? false;
  const page = await pageOf(
    context,
    table,
    {
      ...plan.range,
      reverse: plan.reverse,
      limit: Math.min(input.Limit ?? NO_LIMIT, NO_LIMIT),
      maxBytes: PAGE_BYTES_MAX,
      filter: plan.filter,
      projection: plan.projection,
      countOnly,
    },
    consistent,
  );
  if (page.kind !== 'page') throw failureError(page);

  const { TableName: name, ReturnConsumedCapacity: asked } = input;
  const lastKey = plan.goesOn ? page.lastKey : undefined;
  const body = new JsonBody();
  if (!countOnly) body.rawList('Items', page.items);
  return body
    .member('Count', page.count)
    .member('ScannedCount', page.scannedCount)
    .raw('LastEvaluatedKey', lastKey && encodeAttributeMap(keyOfStorageKey(table, lastKey)))
    .member(
      'ConsumedCapacity',
      consumedCapacity(asked, name, readUnits(page.bytesRead, consistent)),
    )
    .finish();
}

/** A range may be empty: a start key may be the last key of it, a condition may leave nothing. */
function pageOf(
  context: ApiContext,
  table: Table,
  operation: PageOperation,
  consistent: boolean,
): Promise<Page | Failure> | Page {
  if (compareBytes(operation.from, operation.to) < 0) {
    return context.database.page(table, operation, consistent);
  }
  return { kind: 'page', items: [], count: 0, scannedCount: 0, bytesRead: 0, lastKey: undefined };
}
