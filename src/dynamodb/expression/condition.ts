import type { Comparator, Condition, Operand } from '../../item/index.ts';
import { NOWHERE, OperandChecks } from './operand-checks.ts';
import type { Placeholders } from './placeholders.ts';
import { type ExpressionKind, ExpressionReader } from './reader.ts';

export interface ParsedCondition {
  readonly condition: Condition;
  /** First names of all paths, and of those that reach into an attribute. */
  readonly heads: ReadonlySet<string>;
  readonly nestedHeads: ReadonlySet<string>;
}

/** ConditionExpression, FilterExpression and, before its own rules, KeyConditionExpression. Throws ValidationException. */
export function parseCondition(
  kind: Exclude<ExpressionKind, 'ProjectionExpression' | 'UpdateExpression'>,
  source: string,
  placeholders: Placeholders,
): ParsedCondition {
  const reader = new ExpressionReader(kind, source, placeholders);
  const condition = new ConditionParser(reader).parse();
  return { condition, heads: reader.heads, nestedHeads: reader.nestedHeads };
}

/** What was read so far may turn out to be an operand or a whole condition: both may stand in parentheses. */
type Node =
  | {
      readonly kind: 'operand';
      readonly operand: Operand;
      readonly functionName: string | undefined;
      readonly wrapped: boolean;
    }
  | {
      readonly kind: 'condition';
      readonly condition: Condition;
      readonly functionName: string | undefined;
      readonly wrapped: boolean;
    };

const COMPARATORS: readonly string[] = ['=', '<>', '<', '<=', '>', '>='];
const IN_OPERANDS_MAX = 100;
const NOTHING: Operand = { kind: 'value', value: { type: 'NULL' } };

/** Recursive descent, one token of look-ahead: OR, AND, NOT, predicates, operands. */
class ConditionParser {
  readonly #reader: ExpressionReader;
  readonly #checks: OperandChecks;

  constructor(reader: ExpressionReader) {
    this.#reader = reader;
    this.#checks = new OperandChecks(reader);
  }

  parse(): Condition {
    const condition = this.#asCondition(this.#or());
    this.#reader.finish();
    return condition;
  }

  #or(): Node {
    return this.#chain('or', 'OR', () => this.#and());
  }

  #and(): Node {
    return this.#chain('and', 'AND', () => this.#not());
  }

  #chain(kind: 'and' | 'or', keyword: string, next: () => Node): Node {
    const first = next();
    if (!this.#reader.isKeyword(keyword)) return first;
    const terms = [this.#asCondition(first)];
    while (this.#reader.acceptKeyword(keyword)) {
      this.#reader.countOperator();
      terms.push(this.#asCondition(next()));
    }
    return conditionNode({ kind, terms });
  }

  #not(): Node {
    if (!this.#reader.acceptKeyword('NOT')) return this.#predicate();
    this.#reader.countOperator();
    return conditionNode({ kind: 'not', term: this.#asCondition(this.#not()) });
  }

  #predicate(): Node {
    const first = this.#primary();
    const { kind, text } = this.#reader.peek();
    if (kind === 'symbol' && COMPARATORS.includes(text)) {
      this.#reader.next();
      return conditionNode(this.#comparison(text as Comparator, first));
    }
    if (this.#reader.acceptKeyword('BETWEEN')) return conditionNode(this.#between(first));
    if (this.#reader.acceptKeyword('IN')) return conditionNode(this.#in(first));
    return first;
  }

  #comparison(comparator: Comparator, first: Node): Condition {
    this.#reader.countOperator();
    const left = this.#asOperand(first);
    const right = this.#asOperand(this.#primary());
    this.#checks.requireDistinct(comparator, left, right);
    if (comparator !== '=' && comparator !== '<>') {
      this.#checks.requireOrdered(comparator, left);
      this.#checks.requireOrdered(comparator, right);
    }
    return { kind: 'compare', comparator, left, right };
  }

  #between(first: Node): Condition {
    this.#reader.countOperator();
    const operand = this.#asOperand(first);
    const low = this.#asOperand(this.#primary());
    if (!this.#reader.acceptKeyword('AND')) throw this.#reader.syntaxError();
    const high = this.#asOperand(this.#primary());
    for (const bound of [operand, low, high]) this.#checks.requireOrdered('BETWEEN', bound);
    if (low.kind === 'value' && high.kind === 'value')
      this.#checks.checkBounds(low.value, high.value);
    return { kind: 'between', operand, low, high };
  }

  #in(first: Node): Condition {
    this.#reader.countOperator();
    const operand = this.#asOperand(first);
    this.#reader.expectSymbol('(');
    const candidates = this.#reader
      .parenthesized(() => this.#arguments())
      .map((node) => this.#asOperand(node));
    if (candidates.length > IN_OPERANDS_MAX) {
      this.#reader.note(
        'operand-count',
        `The IN operator is provided with too many operands; number of operands: ${candidates.length}`,
      );
    }
    return { kind: 'in', operand, candidates };
  }

  #arguments(): Node[] {
    const nodes = [this.#primary()];
    while (this.#reader.acceptSymbol(',')) nodes.push(this.#primary());
    return nodes;
  }

  /** A value, a path, a function or anything in parentheses. */
  #primary(): Node {
    const reader = this.#reader;
    if (reader.acceptSymbol('(')) return this.#wrapped();
    const token = reader.peek();
    if (token.kind === 'value') return operandNode({ kind: 'value', value: reader.value() });
    if (token.kind === 'word') {
      const next = reader.peek(1);
      if (KEYWORDS.has(token.text.toUpperCase())) throw reader.syntaxError();
      if (next.kind === 'symbol' && next.text === '(') return this.#function();
    }
    return operandNode({ kind: 'path', path: reader.path() });
  }

  #wrapped(): Node {
    const reader = this.#reader;
    const inner = reader.parenthesized(() => this.#or());
    if (inner.wrapped) reader.note('parentheses', 'The expression has redundant parentheses;');
    const { text } = reader.peek();
    if (
      inner.kind === 'operand' &&
      inner.operand.kind === 'path' &&
      (text === '.' || text === '[')
    ) {
      return operandNode({ kind: 'path', path: reader.pathTail(inner.operand.path) });
    }
    return { ...inner, wrapped: true };
  }

  #function(): Node {
    const reader = this.#reader;
    const name = reader.next().text;
    reader.countOperator();
    reader.expectSymbol('(');
    const nodes = reader.parenthesized(() => this.#arguments());
    const operands = nodes.map((node) => this.#asOperand(node));
    const arity = ARITIES.get(name);
    if (arity === undefined) {
      reader.note('function-name', `Invalid function name; function: ${name}`);
      return conditionNode({ kind: 'attribute_exists', path: NOWHERE }, name);
    }
    if (operands.length !== arity) {
      reader.note(
        'operand-count',
        `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${operands.length}`,
      );
    }
    return this.#apply(name, operands[0] ?? NOTHING, operands[1] ?? NOTHING);
  }

  #apply(name: string, first: Operand, second: Operand): Node {
    switch (name) {
      case 'size':
        return operandNode({ kind: 'size', path: this.#checks.asPath(name, first) }, name);
      case 'attribute_exists':
      case 'attribute_not_exists':
        return conditionNode({ kind: name, path: this.#checks.asPath(name, first) }, name);
      case 'attribute_type': {
        const type = this.#checks.typeName(second);
        return conditionNode({ kind: name, path: this.#checks.asPath(name, first), type }, name);
      }
      case 'begins_with':
        this.#checks.requireDistinct(name, first, second);
        for (const operand of [first, second]) this.#checks.requireStringOrBinary(name, operand);
        return conditionNode({ kind: name, operand: first, prefix: second }, name);
      default:
        this.#checks.requireDistinct(name, first, second);
        return conditionNode({ kind: 'contains', operand: first, member: second }, name);
    }
  }

  #asOperand(node: Node): Operand {
    if (node.kind === 'operand') return node.operand;
    if (node.functionName === undefined) throw this.#reader.syntaxError();
    this.#noteMisuse(node.functionName);
    return NOTHING;
  }

  #asCondition(node: Node): Condition {
    if (node.kind === 'condition') return node.condition;
    if (node.functionName === undefined) throw this.#reader.syntaxError();
    this.#noteMisuse(node.functionName);
    return { kind: 'attribute_exists', path: NOWHERE };
  }

  #noteMisuse(name: string): void {
    this.#reader.note(
      'function-misuse',
      `The function is not allowed to be used this way in an expression; function: ${name}`,
    );
  }
}

const KEYWORDS: ReadonlySet<string> = new Set(['AND', 'OR', 'NOT', 'BETWEEN', 'IN']);

/** Names of functions are case-sensitive, unlike keywords. */
const ARITIES: ReadonlyMap<string, number> = new Map([
  ['attribute_exists', 1],
  ['attribute_not_exists', 1],
  ['attribute_type', 2],
  ['begins_with', 2],
  ['contains', 2],
  ['size', 1],
]);

function operandNode(operand: Operand, functionName?: string): Node {
  return { kind: 'operand', operand, functionName, wrapped: false };
}

function conditionNode(condition: Condition, functionName?: string): Node {
  return { kind: 'condition', condition, functionName, wrapped: false };
}
