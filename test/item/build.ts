import {
  type AttributeValue,
  type Item,
  type Operand,
  type Path,
  parseAttributeMap,
  parseAttributeValue,
  type StoredItem,
} from '../../src/item/index.ts';

/** A value from its DynamoDB JSON. */
export function value(json: unknown): AttributeValue {
  const parsed = parseAttributeValue(json);
  if (!parsed.ok) throw new Error(parsed.problem.message);
  return parsed.value;
}

/** An item from its DynamoDB JSON. */
export function item(json: unknown): Item {
  const parsed = parseAttributeMap(json);
  if (!parsed.ok) throw new Error(parsed.problem.message);
  return parsed.value;
}

/** Writing `a.b[3]`, as in an expression without placeholders. */
export function path(text: string): Path {
  const [name, ...steps] = text.split(/[.[]/).filter((part) => part !== '');
  const parsed = steps.map((step) => (step.endsWith(']') ? Number(step.slice(0, -1)) : step));
  return [name as string, ...parsed];
}

export function at(text: string): Operand {
  return { kind: 'path', path: path(text) };
}

export function constant(json: unknown): Operand {
  return { kind: 'value', value: value(json) };
}

export function sizeOfPath(text: string): Operand {
  return { kind: 'size', path: path(text) };
}

/** A list or map nested so that the innermost value stands at `level`, 1 being the value itself. */
export function nested(level: number, kind: 'L' | 'M'): unknown {
  let json: unknown = { S: 'leaf' };
  for (let i = 1; i < level; i++) json = kind === 'L' ? { L: [json] } : { M: { n: json } };
  return json;
}

export function jsonOf(bytes: Uint8Array | undefined): unknown {
  return bytes && JSON.parse(new TextDecoder().decode(bytes));
}

export function textOf(stored: StoredItem): string {
  return new TextDecoder().decode(stored.json);
}
