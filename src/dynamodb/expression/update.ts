import type {
  AttributeType,
  AttributeValue,
  Path,
  SetValue,
  UpdateAction,
} from '../../item/index.ts';
import { PathTree } from './path-tree.ts';
import type { Placeholders } from './placeholders.ts';
import { ExpressionReader } from './reader.ts';

export interface ParsedUpdate {
  readonly actions: readonly UpdateAction[];
  /** First names of the paths that are read, where they reach into an attribute. */
  readonly nestedHeads: ReadonlySet<string>;
}

/** Throws ValidationException. */
export function parseUpdate(source: string, placeholders: Placeholders): ParsedUpdate {
  const reader = new ExpressionReader('UpdateExpression', source, placeholders);
  const actions = new UpdateParser(reader).parse();
  return { actions, nestedHeads: reader.nestedHeads };
}

interface Node {
  readonly value: SetValue;
  /** The result's type, as far as it is known before there is an item. */
  readonly type: AttributeType | undefined;
  readonly wrapped: boolean;
}

class UpdateParser {
  readonly #reader: ExpressionReader;
  readonly #targets: PathTree;
  readonly #sections = new Set<string>();

  constructor(reader: ExpressionReader) {
    this.#reader = reader;
    this.#targets = new PathTree(reader);
  }

  parse(): readonly UpdateAction[] {
    const actions: UpdateAction[] = [];
    do {
      const section = SECTIONS.find((keyword) => this.#reader.acceptKeyword(keyword));
      if (section === undefined) throw this.#reader.syntaxError();
      this.#begin(section);
      do actions.push(this.#action(section));
      while (this.#reader.acceptSymbol(','));
    } while (this.#reader.peek().kind !== 'end');
    this.#reader.finish();
    return actions;
  }

  #begin(section: Section): void {
    if (this.#sections.has(section)) {
      this.#reader.note(
        'section',
        `The "${section}" section can only be used once in an update expression;`,
      );
    }
    this.#sections.add(section);
  }

  #action(section: Section): UpdateAction {
    const reader = this.#reader;
    if (SECTIONS.some((keyword) => reader.isKeyword(keyword))) throw reader.syntaxError();
    const path = reader.path();
    this.#targets.add(path);
    switch (section) {
      case 'SET':
        reader.expectSymbol('=');
        return { kind: 'set', path, value: this.#value().value };
      case 'REMOVE':
        return { kind: 'remove', path };
      case 'ADD':
        return { kind: 'add', path, value: this.#operandOf(section, reader.value()) };
      case 'DELETE':
        return { kind: 'delete', path, value: this.#operandOf(section, reader.value()) };
    }
  }

  /** ADD takes numbers and sets, DELETE sets. */
  #operandOf(section: 'ADD' | 'DELETE', value: AttributeValue): AttributeValue {
    const name = TYPE_NAMES[value.type];
    if (name !== undefined && !(section === 'ADD' && value.type === 'N')) {
      this.#reader.note(
        'operand-type',
        `Incorrect operand type for operator or function; operator: ${section}, operand type: ${name}`,
      );
    }
    return value;
  }

  /** An operand, or two with `+` or `-` between them. */
  #value(): Node {
    const left = this.#operand();
    const operator = ['+', '-'].find((symbol) => this.#reader.acceptSymbol(symbol));
    if (operator === undefined) return left;
    this.#reader.countOperator();
    const right = this.#operand();
    if (isArithmetic(left) || isArithmetic(right)) throw this.#reader.syntaxError();
    for (const { type } of [left, right]) this.#requireType(operator, 'N', type);
    return {
      value: { kind: operator === '+' ? 'plus' : 'minus', left: left.value, right: right.value },
      type: 'N',
      wrapped: false,
    };
  }

  #operand(): Node {
    const reader = this.#reader;
    if (reader.acceptSymbol('(')) {
      const inner = reader.parenthesized(() => this.#value());
      if (inner.wrapped) reader.note('parentheses', 'The expression has redundant parentheses;');
      return { ...inner, wrapped: true };
    }
    const { kind } = reader.peek();
    if (kind === 'value') {
      const value = reader.value();
      return { value: { kind: 'value', value }, type: value.type, wrapped: false };
    }
    const next = reader.peek(1);
    if (kind === 'word' && next.kind === 'symbol' && next.text === '(') return this.#function();
    if (SECTIONS.some((keyword) => reader.isKeyword(keyword))) throw reader.syntaxError();
    return pathNode(reader.path());
  }

  #function(): Node {
    const reader = this.#reader;
    const name = reader.next().text;
    reader.countOperator();
    reader.expectSymbol('(');
    const operands = reader.parenthesized(() => {
      const list = [this.#operand()];
      while (reader.acceptSymbol(',')) list.push(this.#operand());
      return list;
    });
    if (operands.some(isArithmetic)) throw reader.syntaxError();
    if (name !== 'if_not_exists' && name !== 'list_append') {
      reader.note('function-name', `Invalid function name; function: ${name}`);
    }
    const [first, second] = operands;
    if (first === undefined || second === undefined || operands.length !== 2) {
      reader.note(
        'operand-count',
        `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${operands.length}`,
      );
      return NOTHING;
    }
    return name === 'list_append'
      ? this.#listAppend(first, second)
      : this.#ifNotExists(first, second);
  }

  #listAppend(first: Node, second: Node): Node {
    for (const { type } of [first, second]) this.#requireType('list_append', 'L', type);
    return {
      value: { kind: 'list_append', first: first.value, second: second.value },
      type: 'L',
      wrapped: false,
    };
  }

  #ifNotExists(first: Node, second: Node): Node {
    if (first.value.kind !== 'path') {
      this.#reader.note(
        'operand-type',
        'Operator or function requires a document path; operator or function: if_not_exists',
      );
      return NOTHING;
    }
    return {
      value: { kind: 'if_not_exists', path: first.value.path, otherwise: second.value },
      type: undefined,
      wrapped: false,
    };
  }

  #requireType(name: string, wanted: AttributeType, type: AttributeType | undefined): void {
    if (type === undefined || type === wanted) return;
    this.#reader.note(
      'operand-type',
      `Incorrect operand type for operator or function; operator or function: ${name}, operand type: ${type}`,
    );
  }
}

const SECTIONS = ['SET', 'REMOVE', 'ADD', 'DELETE'] as const;
type Section = (typeof SECTIONS)[number];

/** The types that may not stand after ADD and DELETE, by their names in messages. */
const TYPE_NAMES: Readonly<Record<AttributeType, string | undefined>> = {
  S: 'STRING',
  N: 'NUMBER',
  B: 'BINARY',
  NULL: 'NULL',
  BOOL: 'BOOLEAN',
  L: 'LIST',
  M: 'MAP',
  SS: undefined,
  NS: undefined,
  BS: undefined,
};

/** Stands for what is wrong until `finish` throws. */
const NOTHING: Node = { value: { kind: 'path', path: [''] }, type: undefined, wrapped: false };

function pathNode(path: Path): Node {
  return { value: { kind: 'path', path }, type: undefined, wrapped: false };
}

function isArithmetic({ value }: Node): boolean {
  return value.kind === 'plus' || value.kind === 'minus';
}
