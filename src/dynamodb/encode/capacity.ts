/** What a request is charged, in capacity units (DynamoDB Developer Guide, "Read and write operations"). */
const READ_UNIT_BYTES = 4096;
const WRITE_UNIT_BYTES = 1024;

export type ReturnConsumedCapacity = 'INDEXES' | 'TOTAL' | 'NONE';

/** For the sum of the sizes of the items that were looked at; nothing found costs as much as one small item. */
export function readUnits(bytes: number, consistent: boolean): number {
  const units = Math.max(1, Math.ceil(bytes / READ_UNIT_BYTES));
  return consistent ? units : units / 2;
}

/** For the larger of the item before and after. */
export function writeUnits(sizeBefore: number, sizeAfter: number): number {
  return Math.max(1, Math.ceil(Math.max(sizeBefore, sizeAfter) / WRITE_UNIT_BYTES));
}

export interface ConsumedCapacity {
  readonly TableName: string;
  readonly CapacityUnits: number;
  readonly Table?: { readonly CapacityUnits: number };
}

/** The ConsumedCapacity member; undefined when it was not asked for. */
export function consumedCapacity(
  asked: ReturnConsumedCapacity | undefined,
  tableName: string,
  units: number,
): ConsumedCapacity | undefined {
  if (asked === undefined || asked === 'NONE') return undefined;
  const total = { TableName: tableName, CapacityUnits: units };
  return asked === 'INDEXES' ? { ...total, Table: { CapacityUnits: units } } : total;
}
