import { optional, required, structure } from '../decode/collections.ts';
import { string } from '../decode/shape.ts';
import { nameOf } from '../decode/table-name.ts';
import { jsonBytes } from '../encode/body.ts';
import { ApiError, validationError } from '../errors.ts';
import { describedTable } from '../plan/table.ts';
import { operation } from './operation.ts';

const input = structure('ListTagsOfResourceInput', {
  ResourceArn: required(string({ min: 1, max: 1283 })),
  NextToken: optional(string()),
});

export const listTagsOfResource = operation(
  'ListTagsOfResource',
  input,
  async ({ ResourceArn: arn }, context) => {
    const name = nameOf(arn);
    if (name === arn) {
      throw validationError(`Invalid TableArn: Invalid ResourceArn provided as input ${arn}`);
    }
    const table = await describedTable(context, name).catch((error: unknown) => {
      if (!(error instanceof ApiError) || error.name !== 'ResourceNotFoundException') throw error;
      throw new ApiError(
        'ResourceNotFoundException',
        `Requested resource not found: ResourcArn: ${arn} not found`,
      );
    });
    return jsonBytes({
      Tags: table.spec.tags.map(({ key, value }) => ({ Key: key, Value: value })),
    });
  },
);
