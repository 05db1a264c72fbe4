import { byteLengthUtf8 } from '../../bytes/index.ts';
import type { AttributeValue, Path } from '../../item/index.ts';
import { validationError } from '../errors.ts';
import type { Placeholders } from './placeholders.ts';
import { isReserved } from './reserved-words.ts';
import { type Token, type TokenKind, tokenize } from './tokens.ts';

export type ExpressionKind =
  | 'ConditionExpression'
  | 'FilterExpression'
  | 'KeyConditionExpression'
  | 'ProjectionExpression'
  | 'UpdateExpression';

/** In bytes of the raw text (DynamoDB Developer Guide, "Quotas: Expression parameters"). */
const EXPRESSION_BYTES_MAX = 4096;
/** Operators and functions in one expression (the same page). Recursion in the parsers is counted against it. */
const OPERATORS_MAX = 300;
/** Elements of a document path, and parentheses within parentheses. */
const NESTING_MAX = 32;
const PARENTHESES_MAX = OPERATORS_MAX;
const LIST_INDEX_MAX = 0x7fff_ffff;

/**
 * What is wrong with an expression that follows the grammar, the first to be named first. Syntax errors come before all of
 * these and stop the parser at once.
 */
const ISSUES = [
  'parentheses',
  'function-name',
  'function-misuse',
  'reserved',
  'section',
  'undefined-name',
  'undefined-value',
  'overlap',
  'conflict',
  'operand-count',
  'distinct',
  'operand-type',
] as const;

export type Issue = (typeof ISSUES)[number];

/** Walks over one expression's tokens, reads document paths and values, and collects what is wrong. */
export class ExpressionReader {
  /** First names of all paths, and of those that reach into an attribute. */
  readonly heads = new Set<string>();
  readonly nestedHeads = new Set<string>();
  readonly #kind: ExpressionKind;
  readonly #source: string;
  readonly #tokens: readonly Token[];
  readonly #placeholders: Placeholders;
  #at = 0;
  #operators = 0;
  #openParentheses = 0;
  #issue: { readonly rank: number; readonly message: string } | undefined;

  /** Throws ValidationException when the text is empty or too long. */
  constructor(kind: ExpressionKind, source: string, placeholders: Placeholders) {
    this.#kind = kind;
    this.#source = source;
    this.#placeholders = placeholders;
    if (source === '') throw this.#error('The expression can not be empty;');
    const size = byteLengthUtf8(source);
    if (size > EXPRESSION_BYTES_MAX) {
      throw this.#error(
        `Expression size has exceeded the maximum allowed size; expression size: ${size}`,
      );
    }
    this.#tokens = tokenize(source);
  }

  peek(ahead = 0): Token {
    return this.#tokens[Math.min(this.#at + ahead, this.#tokens.length - 1)] as Token;
  }

  next(): Token {
    const token = this.peek();
    if (token.kind !== 'end') this.#at++;
    return token;
  }

  /** Takes the symbol when it is next. */
  acceptSymbol(symbol: string): boolean {
    const token = this.peek();
    if (token.kind !== 'symbol' || token.text !== symbol) return false;
    this.#at++;
    return true;
  }

  expectSymbol(symbol: string): void {
    if (!this.acceptSymbol(symbol)) throw this.syntaxError();
  }

  expect(kind: TokenKind): Token {
    if (this.peek().kind !== kind) throw this.syntaxError();
    return this.next();
  }

  /** Whether the keyword (upper case) is next, in any case. */
  isKeyword(keyword: string): boolean {
    const token = this.peek();
    return (
      token.kind === 'word' &&
      token.text.length === keyword.length &&
      token.text.toUpperCase() === keyword
    );
  }

  acceptKeyword(keyword: string): boolean {
    if (!this.isKeyword(keyword)) return false;
    this.#at++;
    return true;
  }

  /** Reads what `inner` reads between parentheses; the opening one has been read. */
  parenthesized<T>(inner: () => T): T {
    if (++this.#openParentheses > PARENTHESES_MAX) throw this.syntaxError();
    const result = inner();
    this.expectSymbol(')');
    this.#openParentheses--;
    return result;
  }

  /** Counts an operator or function against the limit. Throws ValidationException. */
  countOperator(): void {
    if (++this.#operators > OPERATORS_MAX) {
      throw this.#error(
        `The expression contains too many operators; operator count: ${this.#operators}`,
      );
    }
  }

  /** A document path: `a.b[3].#c`. */
  path(): Path {
    return this.pathTail([this.#pathName()]);
  }

  /** Goes on with a path whose beginning has been read. */
  pathTail(begun: Path): Path {
    const path: [string, ...(string | number)[]] = [...begun];
    for (;;) {
      if (this.acceptSymbol('.')) {
        path.push(this.#pathName());
      } else if (this.acceptSymbol('[')) {
        path.push(this.#listIndex());
        this.expectSymbol(']');
      } else {
        break;
      }
      if (path.length > NESTING_MAX) {
        throw this.#error(
          `The document path has too many nesting elements; nesting levels: ${path.length}`,
        );
      }
    }
    this.heads.add(path[0]);
    if (path.length > 1) this.nestedHeads.add(path[0]);
    return path;
  }

  #pathName(): string {
    const token = this.peek();
    if (token.kind !== 'word' && token.kind !== 'name') throw this.syntaxError();
    this.#at++;
    if (token.kind === 'word') {
      if (isReserved(token.text)) {
        this.note(
          'reserved',
          `Attribute name is a reserved keyword; reserved keyword: ${token.text}`,
        );
      }
      return token.text;
    }
    const name = this.#placeholders.name(token.text);
    if (name === undefined) {
      this.note(
        'undefined-name',
        `An expression attribute name used in the document path is not defined; attribute name: ${token.text}`,
      );
    }
    return name ?? token.text;
  }

  #listIndex(): number {
    const { text } = this.expect('number');
    const index = Number(text);
    if (index > LIST_INDEX_MAX) {
      throw this.#error(`List index is not within the allowable range; index: [${text}]`);
    }
    return index;
  }

  /** A `:value`, which has to be next. What is undefined stands as NULL until `finish` throws. */
  value(): AttributeValue {
    const { text } = this.expect('value');
    const value = this.#placeholders.value(text);
    if (value === undefined) {
      this.note(
        'undefined-value',
        `An expression attribute value used in expression is not defined; attribute value: ${text}`,
      );
    }
    return value ?? { type: 'NULL' };
  }

  /** Whether `note` would keep it: the most important issue counts, and the first of its kind. */
  wants(issue: Issue): boolean {
    return this.#issue === undefined || ISSUES.indexOf(issue) < this.#issue.rank;
  }

  note(issue: Issue, message: string): void {
    if (this.wants(issue)) this.#issue = { rank: ISSUES.indexOf(issue), message };
  }

  /** To be called last. Throws ValidationException when anything is left or was noted. */
  finish(): void {
    if (this.peek().kind !== 'end') throw this.syntaxError();
    if (this.#issue !== undefined) throw this.#error(this.#issue.message);
  }

  /** About the next token; `near` is it with its neighbours, as they are written. */
  syntaxError(): Error {
    const token = this.peek();
    const before = this.#tokens[this.#at - 1] ?? token;
    const after = this.#tokens[this.#at + 1] ?? token;
    const near = this.#source.slice(before.start, after.end);
    return this.#error(`Syntax error; token: "${token.text}", near: "${near}"`);
  }

  #error(message: string): Error {
    return validationError(`Invalid ${this.#kind}: ${message}`);
  }
}

/** `[a, [0], b]`, as paths stand in messages. */
export function showPath(path: Path): string {
  return `[${path.map((part) => (typeof part === 'number' ? `[${part}]` : part)).join(', ')}]`;
}
