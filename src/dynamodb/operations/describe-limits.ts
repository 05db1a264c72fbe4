import { structure } from '../decode/collections.ts';
import { jsonBytes } from '../encode/body.ts';
import { operation } from './operation.ts';

/** AWS's defaults, since clients plan with them; nothing here is enforced. */
export const describeLimits = operation(
  'DescribeLimits',
  structure('DescribeLimitsInput', {}),
  async () =>
    jsonBytes({
      AccountMaxReadCapacityUnits: 80_000,
      AccountMaxWriteCapacityUnits: 80_000,
      TableMaxReadCapacityUnits: 40_000,
      TableMaxWriteCapacityUnits: 40_000,
    }),
);
