import { accept } from '../decode/attributes.ts';
import { optional, structure } from '../decode/collections.ts';
import { integer } from '../decode/shape.ts';
import { conditionMap } from '../legacy/shapes.ts';
import { checkParameters, placeholdersOf } from '../plan/expressions.ts';
import { planFilter } from '../plan/filter.ts';
import { refuseNestedKeys } from '../plan/key.ts';
import { checkSelect, readPage, refuseIndex } from '../plan/page.ts';
import { planProjection } from '../plan/projection.ts';
import { checkSegment, segmentRange } from '../plan/scan-segment.ts';
import { restOfScan } from '../plan/start-key.ts';
import { withTable } from '../plan/table.ts';
import { operation } from './operation.ts';
import { pageParameters } from './parameters.ts';

const input = structure('ScanInput', {
  ...pageParameters,
  ScanFilter: optional(conditionMap),
  TotalSegments: optional(integer({ min: 1, max: 1_000_000 })),
  Segment: optional(integer({ min: 0, max: 999_999 })),
});

export const scan = operation('Scan', input, (parameters, context) => {
  checkParameters(
    parameters,
    ['ProjectionExpression', 'FilterExpression'],
    ['AttributesToGet', 'ScanFilter', 'ConditionalOperator'],
  );
  const startKey =
    parameters.ExclusiveStartKey &&
    accept(parameters.ExclusiveStartKey, 'The provided starting key is invalid: ');
  checkSelect(parameters);
  checkSegment(parameters.Segment, parameters.TotalSegments);
  const placeholders = placeholdersOf(parameters);
  const filter = planFilter(parameters, parameters.ScanFilter, placeholders);
  const { projection, nestedHeads } = planProjection(parameters, placeholders);
  placeholders.requireAllUsed();

  return withTable(context, parameters.TableName, (table) => {
    refuseIndex(parameters.IndexName);
    refuseNestedKeys(table, nestedHeads);
    refuseNestedKeys(table, filter.nestedHeads);
    const { Segment: segment = 0, TotalSegments: totalSegments = 1 } = parameters;
    const range = segmentRange(table, segment, totalSegments);
    return readPage(context, parameters, table, {
      range: startKey ? restOfScan(table, range, startKey, { segment, totalSegments }) : range,
      goesOn: true,
      reverse: false,
      filter: filter.condition,
      projection,
    });
  });
});
