import { byteLengthUtf8 } from '../../bytes/index.ts';
import type { AttributeValue, Parsed } from '../../item/index.ts';
import { validationError } from '../errors.ts';
import { isPlaceholder } from './tokens.ts';

const NAME_BYTES_MAX = 65_535;

type Names = ReadonlyMap<string, string>;
type Values = ReadonlyMap<string, Parsed<AttributeValue>>;

const NONE: ReadonlyMap<string, never> = new Map<string, never>();

/**
 * What `#name` and `:value` stand for in the expressions of one request, which share them. Remembers which were used, since
 * DynamoDB refuses the others.
 */
export class Placeholders {
  readonly #names: Names;
  readonly #values: Values;
  readonly #unusedNames: Set<string>;
  readonly #unusedValues: Set<string>;

  /** Throws ValidationException when a placeholder or what it stands for is malformed. */
  constructor(names: Names | undefined, values: Values | undefined) {
    if (names) checkNames(names);
    if (values) checkValues(values);
    this.#names = names ?? NONE;
    this.#values = values ?? NONE;
    this.#unusedNames = new Set(this.#names.keys());
    this.#unusedValues = new Set(this.#values.keys());
  }

  name(placeholder: string): string | undefined {
    this.#unusedNames.delete(placeholder);
    return this.#names.get(placeholder);
  }

  value(placeholder: string): AttributeValue | undefined {
    this.#unusedValues.delete(placeholder);
    const parsed = this.#values.get(placeholder);
    return parsed?.ok ? parsed.value : undefined;
  }

  /** To be called when every expression is parsed. Throws ValidationException. */
  requireAllUsed(): void {
    refuseUnused('ExpressionAttributeNames', this.#unusedNames);
    refuseUnused('ExpressionAttributeValues', this.#unusedValues);
  }
}

function refuseUnused(parameter: string, unused: ReadonlySet<string>): void {
  if (unused.size === 0) return;
  const keys = [...unused].join(', ');
  throw validationError(`Value provided in ${parameter} unused in expressions: keys: {${keys}}`);
}

function checkNames(names: Names): void {
  if (names.size === 0) throw validationError('ExpressionAttributeNames must not be empty');
  for (const [key, name] of names) {
    if (!isPlaceholder(key, '#')) throw invalidKey('ExpressionAttributeNames', key);
    if (name === '') {
      throw validationError(
        `ExpressionAttributeNames contains invalid value: Empty attribute name for key ${key}`,
      );
    }
    if (byteLengthUtf8(name) > NAME_BYTES_MAX) {
      throw validationError(
        `ExpressionAttributeNames contains invalid value: Attribute name is too large, must be less than ${NAME_BYTES_MAX + 1} bytes for key ${key}`,
      );
    }
  }
}

function checkValues(values: Values): void {
  if (values.size === 0) throw validationError('ExpressionAttributeValues must not be empty');
  for (const key of values.keys()) {
    if (!isPlaceholder(key, ':')) throw invalidKey('ExpressionAttributeValues', key);
  }
  for (const [key, parsed] of values) {
    if (parsed.ok) continue;
    throw validationError(
      `ExpressionAttributeValues contains invalid value: ${parsed.problem.message} for key ${key}`,
    );
  }
}

function invalidKey(parameter: string, key: string): Error {
  return validationError(`${parameter} contains invalid key: Syntax error; key: "${key}"`);
}
