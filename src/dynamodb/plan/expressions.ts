import type { AttributeValue, Parsed } from '../../item/index.ts';
import { validationError } from '../errors.ts';
import { Placeholders } from '../expression/placeholders.ts';
import type { ExpressionKind } from '../expression/reader.ts';

type Parameters = Readonly<Record<string, unknown>> & {
  readonly ExpressionAttributeNames: ReadonlyMap<string, string> | undefined;
  readonly ExpressionAttributeValues?: ReadonlyMap<string, Parsed<AttributeValue>> | undefined;
};

/**
 * Rules for a request's parameters as a whole: the older ones (`legacy`) may not stand beside expressions, and placeholders not
 * without them. Throws ValidationException.
 */
export function checkParameters(
  input: Parameters,
  expressions: readonly ExpressionKind[],
  legacy: readonly string[],
): void {
  const { ExpressionAttributeNames: names, ExpressionAttributeValues: values } = input;
  const given = expressions.filter((name) => input[name] !== undefined);
  if (given.length > 0) {
    const older = legacy.filter((name) => input[name] !== undefined);
    if (older.length > 0) throw mixed(older, given);
  } else if (names !== undefined) {
    throw validationError('ExpressionAttributeNames can only be specified when using expressions');
  }
  const withValues = expressions.filter((name) => name !== 'ProjectionExpression');
  if (values !== undefined && withValues.every((name) => input[name] === undefined)) {
    const missing =
      withValues.length === 0
        ? ''
        : `: ${withValues.join(' and ')} ${withValues.length > 1 ? 'are' : 'is'} null`;
    throw validationError(
      `ExpressionAttributeValues can only be specified when using expressions${missing}`,
    );
  }
}

function mixed(older: readonly string[], given: readonly string[]): Error {
  return validationError(
    'Can not use both expression and non-expression parameters in the same request: ' +
      `Non-expression parameters: {${older.join(', ')}} Expression parameters: {${given.join(', ')}}`,
  );
}

const NO_PLACEHOLDERS = new Placeholders(undefined, undefined);

/** Throws ValidationException. */
export function placeholdersOf(input: Parameters): Placeholders {
  const { ExpressionAttributeNames: names, ExpressionAttributeValues: values } = input;
  return names || values ? new Placeholders(names, values) : NO_PLACEHOLDERS;
}
