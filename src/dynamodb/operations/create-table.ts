import type { KeyAttribute, TableSpec } from '../../controller/index.ts';
import { MAX_KEY_NAME_BYTES } from '../../item/index.ts';
import { list, optional, required, structure } from '../decode/collections.ts';
import { boolean, type Decoded, long, oneOf, string } from '../decode/shape.ts';
import { tableName } from '../decode/table-name.ts';
import { jsonBytes } from '../encode/body.ts';
import { describeTable } from '../encode/table-description.ts';
import { ApiError, notBuilt, validationError } from '../errors.ts';
import { failureError } from '../plan/table.ts';
import { operation } from './operation.ts';
import { requireTableName } from './parameters.ts';

const attributeName = string({ min: 1, max: MAX_KEY_NAME_BYTES });

const keySchema = list(
  structure('KeySchemaElement', {
    AttributeName: required(attributeName),
    KeyType: required(oneOf('HASH', 'RANGE')),
  }),
  { min: 1, max: 2 },
);

const throughput = structure('ProvisionedThroughput', {
  ReadCapacityUnits: required(long({ min: 1 })),
  WriteCapacityUnits: required(long({ min: 1 })),
});

/** Only whether there are any is looked at, until indexes are built. */
const indexes = list(structure('SecondaryIndex', {}));

const input = structure('CreateTableInput', {
  TableName: optional(tableName(3)),
  AttributeDefinitions: required(
    list(
      structure('AttributeDefinition', {
        AttributeName: required(attributeName),
        AttributeType: required(oneOf('B', 'N', 'S')),
      }),
    ),
  ),
  KeySchema: required(keySchema),
  BillingMode: optional(oneOf('PROVISIONED', 'PAY_PER_REQUEST')),
  ProvisionedThroughput: optional(throughput),
  LocalSecondaryIndexes: optional(indexes),
  GlobalSecondaryIndexes: optional(indexes),
  StreamSpecification: optional(
    structure('StreamSpecification', {
      StreamEnabled: required(boolean()),
      StreamViewType: optional(oneOf('NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES', 'KEYS_ONLY')),
    }),
  ),
  SSESpecification: optional(
    structure('SSESpecification', {
      Enabled: optional(boolean()),
      SSEType: optional(oneOf('AES256', 'KMS')),
      KMSMasterKeyId: optional(string()),
    }),
  ),
  Tags: optional(
    list(
      structure('Tag', {
        Key: required(string({ min: 1, max: 128 })),
        Value: required(string({ max: 256 })),
      }),
    ),
  ),
  TableClass: optional(oneOf('STANDARD', 'STANDARD_INFREQUENT_ACCESS')),
  DeletionProtectionEnabled: optional(boolean()),
  ResourcePolicy: optional(string()),
  GlobalTableSourceArn: optional(string()),
});

type Parameters = Decoded<typeof input>;

const INVALID = 'One or more parameter values were invalid: ';

export const createTable = operation('CreateTable', input, async (parameters, context) => {
  const name = requireTableName(parameters.TableName);
  const spec: TableSpec = {
    name,
    ...planBilling(parameters),
    ...planKey(parameters),
    deletionProtection: parameters.DeletionProtectionEnabled ?? false,
    tableClass: parameters.TableClass ?? 'STANDARD',
    tags: (parameters.Tags ?? []).map((tag) => ({ key: tag.Key, value: tag.Value })),
  };
  refuseLater(parameters);

  const outcome = await context.database.createTable(spec);
  switch (outcome.kind) {
    case 'created':
      return jsonBytes({ TableDescription: describeTable(outcome.table, undefined) });
    case 'exists':
      throw new ApiError('ResourceInUseException', `Table already exists: ${name}`);
    default:
      throw failureError(outcome);
  }
});

function planBilling(
  parameters: Parameters,
): Pick<TableSpec, 'billingMode' | 'readCapacity' | 'writeCapacity'> {
  const { BillingMode: billingMode = 'PROVISIONED', ProvisionedThroughput: units } = parameters;
  if (billingMode === 'PAY_PER_REQUEST') {
    if (units === undefined) return { billingMode, readCapacity: 0, writeCapacity: 0 };
    throw validationError(
      `${INVALID}Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST`,
    );
  }
  if (units === undefined) {
    throw validationError(
      `${INVALID}ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED`,
    );
  }
  return {
    billingMode,
    readCapacity: capacity('ReadCapacityUnits', units.ReadCapacityUnits),
    writeCapacity: capacity('WriteCapacityUnits', units.WriteCapacityUnits),
  };
}

const CAPACITY_MAX = 1_000_000_000_000;

function capacity(name: string, units: number): number {
  if (units <= CAPACITY_MAX) return units;
  throw validationError(`Given value ${units} for ${name} is out of bounds`);
}

function planKey(parameters: Parameters): Pick<TableSpec, 'partitionKey' | 'sortKey'> {
  const { KeySchema: schema, AttributeDefinitions: definitions } = parameters;
  const types = new Map(definitions.map((one) => [one.AttributeName, one.AttributeType]));
  const names = schema.map((element) => element.AttributeName);
  const [first, second] = schema;
  if (first === undefined) throw validationError('Invalid KeySchema: it is empty');
  const sameName = second?.AttributeName === first.AttributeName;

  if (!names.every((name) => types.has(name)) || (sameName && definitions.length === 1)) {
    throw validationError(
      second
        ? 'Invalid KeySchema: Some index key attribute have no definition'
        : `${INVALID}Some index key attributes are not defined in AttributeDefinitions. ` +
            `Keys: [${names.join(', ')}], AttributeDefinitions: [${[...types.keys()].join(', ')}]`,
    );
  }
  if (sameName) {
    throw validationError(
      'Both the Hash Key and the Range Key element in the KeySchema have the same name',
    );
  }
  if (first.KeyType !== 'HASH') {
    throw validationError('Invalid KeySchema: The first KeySchemaElement is not a HASH key type');
  }
  if (second && second.KeyType !== 'RANGE') {
    throw validationError('Invalid KeySchema: The second KeySchemaElement is not a RANGE key type');
  }
  // The keys of indexes have definitions too; refuseLater speaks of those.
  if (!hasIndexes(parameters) && definitions.length !== schema.length) {
    throw validationError(
      `${INVALID}Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions`,
    );
  }
  const keyAttribute = (name: string): KeyAttribute => ({ name, type: types.get(name) ?? 'S' });
  return {
    partitionKey: keyAttribute(first.AttributeName),
    sortKey: second && keyAttribute(second.AttributeName),
  };
}

function hasIndexes(parameters: Parameters): boolean {
  return (
    parameters.LocalSecondaryIndexes !== undefined ||
    parameters.GlobalSecondaryIndexes !== undefined
  );
}

/** What DynamoDB would do and Flotilla cannot yet is refused, never ignored. */
function refuseLater(parameters: Parameters): void {
  for (const kind of ['LocalSecondaryIndexes', 'GlobalSecondaryIndexes'] as const) {
    const list = parameters[kind];
    if (list === undefined) continue;
    if (list.length === 0) throw validationError(`${INVALID}List of ${kind} is empty`);
    throw notBuilt(`The parameter ${kind}`);
  }
  const stream = parameters.StreamSpecification;
  if (stream?.StreamEnabled) throw notBuilt('The parameter StreamSpecification');
  if (stream?.StreamViewType !== undefined) {
    throw validationError(`${INVALID}StreamViewType is specified, but StreamEnabled is false`);
  }
  if (parameters.ResourcePolicy !== undefined) throw notBuilt('The parameter ResourcePolicy');
  if (parameters.GlobalTableSourceArn !== undefined) {
    throw notBuilt('The parameter GlobalTableSourceArn');
  }
}
