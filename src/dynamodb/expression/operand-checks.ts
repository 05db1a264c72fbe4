import {
  type AttributeType,
  type AttributeValue,
  compareValues,
  type Operand,
  type Path,
} from '../../item/index.ts';
import { type ExpressionReader, showPath } from './reader.ts';

/** Stands for a path that is missing, until the reader throws. */
export const NOWHERE: Path = [''];

const TYPES: readonly AttributeType[] = ['B', 'NULL', 'SS', 'BOOL', 'L', 'BS', 'N', 'NS', 'S', 'M'];

/** What operators and functions ask of their operands, as far as it shows before there is an item. */
export class OperandChecks {
  readonly #reader: ExpressionReader;

  constructor(reader: ExpressionReader) {
    this.#reader = reader;
  }

  checkBounds(low: AttributeValue, high: AttributeValue): void {
    const order = compareValues(low, high);
    if (order !== undefined && order <= 0) return;
    const rule =
      order === undefined
        ? 'requires same data type for lower and upper bounds'
        : 'requires upper bound to be greater than or equal to lower bound';
    this.#reader.note(
      'operand-type',
      `The BETWEEN operator ${rule}; lower bound operand: ${showValue(low)}, upper bound operand: ${showValue(high)}`,
    );
  }

  asPath(name: string, operand: Operand): Path {
    if (operand.kind === 'path') return operand.path;
    this.#reader.note(
      'operand-type',
      `Operator or function requires a document path; operator or function: ${name}`,
    );
    return NOWHERE;
  }

  typeName(operand: Operand): AttributeType {
    if (operand.kind !== 'value' || operand.value.type !== 'S') {
      this.#refuseType('attribute_type', typeOf(operand) ?? '{NS,SS,L,BS,N,M,B,BOOL,NULL,S}');
      return 'S';
    }
    const name = operand.value.value;
    const type = TYPES.find((candidate) => candidate === name);
    if (type !== undefined) return type;
    this.#reader.note(
      'operand-type',
      `Invalid attribute type name found; type: ${name}, valid types: {${TYPES.join(',')}}`,
    );
    return 'S';
  }

  #refuseType(name: string, type: string): void {
    this.#reader.note(
      'operand-type',
      `Incorrect operand type for operator or function; operator or function: ${name}, operand type: ${type}`,
    );
  }

  requireStringOrBinary(name: string, operand: Operand): void {
    const type = typeOf(operand);
    if (type !== undefined && type !== 'S' && type !== 'B') this.#refuseType(name, type);
  }

  requireOrdered(operator: string, operand: Operand): void {
    const type = typeOf(operand);
    if (type === undefined || type === 'S' || type === 'N' || type === 'B') return;
    this.#reader.note(
      'operand-type',
      `Incorrect operand type for operator or function; operator: ${operator}, operand type: ${type}`,
    );
  }

  requireDistinct(operator: string, left: Operand, right: Operand): void {
    if (left.kind !== 'path' || right.kind !== 'path') return;
    const shown = showPath(left.path);
    if (shown !== showPath(right.path)) return;
    this.#reader.note(
      'distinct',
      `The first operand must be distinct from the remaining operands for this operator or function; operator: ${operator}, first operand: ${shown}`,
    );
  }
}

/** As far as it is known before there is an item. */
function typeOf(operand: Operand): AttributeType | undefined {
  if (operand.kind === 'value') return operand.value.type;
  return operand.kind === 'size' ? 'N' : undefined;
}

function showValue(value: AttributeValue): string {
  const content = value.type === 'S' || value.type === 'N' ? value.value : '…';
  return `AttributeValue: {${value.type}:${content}}`;
}
