import { byteLengthUtf8 } from '../../bytes/index.ts';
import { MAX_ITEM_BYTES, sizeOfValue, type Update, type UpdateAction } from '../../item/index.ts';
import { validationError } from '../errors.ts';

// UpdateItem counts what it writes, names and values, and a cost for itself and for each action, whatever the item has besides:
// beside a short key its limit is a few bytes below that of PutItem. Measured against DynamoDB by the public conformance suite
// for it (nubo-db/dynamodb-conformance, itemSizeBySurface); there is no documentation.
const UPDATE_COST = 3;
const ACTION_COSTS: Readonly<Record<UpdateAction['kind'], number>> = {
  set: 19,
  add: 19,
  remove: 2,
  delete: 2,
};

/** As far as it shows in the request; the item that comes out is measured when the update is applied. Throws ValidationException. */
export function checkUpdateSize(update: Update): void {
  let size = UPDATE_COST;
  for (const action of update) size += ACTION_COSTS[action.kind] + writtenBytes(action);
  if (size > MAX_ITEM_BYTES) {
    throw validationError('Item size to update has exceeded the maximum allowed size');
  }
}

/** Of an attribute that is written whole, with a value from the request. */
function writtenBytes(action: UpdateAction): number {
  if (action.kind !== 'set' || action.value.kind !== 'value' || action.path.length > 1) return 0;
  return byteLengthUtf8(action.path[0]) + sizeOfValue(action.value.value);
}
