export type TokenKind =
  /** An attribute name, a keyword or the name of a function: letters, digits and `_`, no digit first. */
  | 'word'
  /** `#name` */
  | 'name'
  /** `:value` */
  | 'value'
  /** Decimal digits. */
  | 'number'
  | 'symbol'
  /** One character that means nothing in an expression. */
  | 'unknown'
  | 'end';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** UTF-16 offsets in the source: inclusive, exclusive. */
  readonly start: number;
  readonly end: number;
}

/** Linear in the source: every character is looked at once (J2). The last token is `end`. */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const add = (kind: TokenKind, end: number) => {
    tokens.push({ kind, text: source.slice(at, end), start: at, end });
    at = end;
  };
  while (at < source.length) {
    const code = source.charCodeAt(at);
    if (isSpace(code)) {
      at++;
    } else if (isLetter(code)) {
      add('word', endOfWord(source, at));
    } else if (isDigit(code)) {
      add('number', endOfDigits(source, at));
    } else if ((code === HASH || code === COLON) && isWordPart(source.charCodeAt(at + 1))) {
      add(code === HASH ? 'name' : 'value', endOfWord(source, at + 1));
    } else if (code === LESS || code === GREATER) {
      const next = source.charCodeAt(at + 1);
      const isDouble = next === EQUALS || (code === LESS && next === GREATER);
      add('symbol', at + (isDouble ? 2 : 1));
    } else if (SYMBOLS.includes(source.charAt(at))) {
      add('symbol', at + 1);
    } else {
      add('unknown', at + (source.codePointAt(at) === code ? 1 : 2));
    }
  }
  tokens.push({ kind: 'end', text: '<EOF>', start: at, end: at });
  return tokens;
}

const SYMBOLS = '()[].,=+-';
const HASH = 0x23;
const COLON = 0x3a;
const LESS = 0x3c;
const EQUALS = 0x3d;
const GREATER = 0x3e;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function isLetter(code: number): boolean {
  return (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a) || code === 0x5f;
}

/** False past the end, where the code is NaN. */
function isWordPart(code: number): boolean {
  return isLetter(code) || isDigit(code);
}

function endOfWord(source: string, start: number): number {
  let end = start;
  while (isWordPart(source.charCodeAt(end))) end++;
  return end;
}

function endOfDigits(source: string, start: number): number {
  let end = start;
  while (isDigit(source.charCodeAt(end))) end++;
  return end;
}

/** Whether `text` is `#` or `:` (the given mark) and a word, as a placeholder has to be. */
export function isPlaceholder(text: string, mark: '#' | ':'): boolean {
  return text.length > 1 && text.charAt(0) === mark && endOfWord(text, 1) === text.length;
}
