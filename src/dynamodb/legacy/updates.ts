import type { AttributeValue, Path, Projection, UpdateAction } from '../../item/index.ts';
import { accept } from '../decode/attributes.ts';
import { validationError } from '../errors.ts';
import type { AttributeUpdates } from './shapes.ts';

const INVALID = 'One or more parameter values were invalid: ';

/** AttributeUpdates, translated. Source: DynamoDB Developer Guide, "AttributeUpdates". Throws ValidationException. */
export function updateOf(updates: AttributeUpdates): readonly UpdateAction[] {
  return Array.from(updates, ([name, update]) => actionOf([name], update));
}

type AttributeUpdate = AttributeUpdates extends ReadonlyMap<string, infer U> ? U : never;

function actionOf(path: Path, { Action: action = 'PUT', Value }: AttributeUpdate): UpdateAction {
  if (Value === undefined) {
    if (action === 'DELETE') return { kind: 'remove', path };
    throw validationError(
      `${INVALID}Only DELETE action is allowed when no attribute value is specified`,
    );
  }
  const value = accept(Value);
  switch (action) {
    case 'PUT':
      return { kind: 'set', path, value: { kind: 'value', value } };
    case 'ADD':
      return added(path, value);
    case 'DELETE':
      if (isSet(value)) return { kind: 'delete', path, value };
      throw validationError(
        `${INVALID}DELETE action with value is not supported for the type ${value.type}`,
      );
  }
}

/** Beside numbers and sets, the older ADD takes lists and appends them. */
function added(path: Path, value: AttributeValue): UpdateAction {
  if (value.type === 'N' || isSet(value)) return { kind: 'add', path, value };
  if (value.type !== 'L') {
    throw validationError(`${INVALID}ADD action is not supported for the type ${value.type}`);
  }
  const otherwise = { kind: 'value', value: { type: 'L', value: [] } } as const;
  return {
    kind: 'set',
    path,
    value: {
      kind: 'list_append',
      first: { kind: 'if_not_exists', path, otherwise },
      second: { kind: 'value', value },
    },
  };
}

function isSet({ type }: AttributeValue): boolean {
  return type === 'SS' || type === 'NS' || type === 'BS';
}

/** AttributesToGet, translated. Throws ValidationException. */
export function projectionOf(names: readonly string[]): Projection {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) {
      throw validationError(`${INVALID}Duplicate value in attribute name: ${name}`);
    }
    seen.add(name);
  }
  return names.map((name): Path => [name]);
}
