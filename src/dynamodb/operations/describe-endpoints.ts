import { structure } from '../decode/collections.ts';
import { jsonBytes } from '../encode/body.ts';
import { operation } from './operation.ts';

/** Any node takes any request: each names itself. */
export const describeEndpoints = operation(
  'DescribeEndpoints',
  structure('DescribeEndpointsRequest', {}),
  async (_parameters, context) =>
    jsonBytes({ Endpoints: [{ Address: context.address, CachePeriodInMinutes: 1440 }] }),
);
