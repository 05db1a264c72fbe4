import { HEADER_NAMES, type HeaderName } from './request.ts';

/** The head is plain so far, but not whole. */
export const INCOMPLETE = 0;
/** The head is not of the plain form: node:http judges it. */
export const OTHER = -1;

const REQUEST_LINE = ascii('POST / HTTP/1.1\r\n');
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;
const DELETE = 0x7f;
const ZERO = 0x30;

/** node:http drops what is beyond 2000 in silence; nobody sends a tenth of this. */
const HEADERS_MAX = 100;
/** Of a Content-Length; more digits are beyond any limit of a body. */
const DIGITS_MAX = 9;

/** 1 for the bytes of plain header names. Others that HTTP allows in a token are left to node:http. */
const NAME_BYTES = new Uint8Array(256);
for (const byte of ascii('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_')) {
  NAME_BYTES[byte] = 1;
}

/** Names that are kept, by their place: those that are asked for, and those that decide how the request is read. */
const KEPT: readonly string[] = [...HEADER_NAMES, 'host', 'content-length', 'connection'];
const HOST = KEPT.indexOf('host');
const CONTENT_LENGTH = KEPT.indexOf('content-length');
const CONNECTION = KEPT.indexOf('connection');
/** Names that change how a request is read, or what has to be answered to it: never plain. */
const NEVER_PLAIN = [
  'transfer-encoding',
  'content-encoding',
  'expect',
  'upgrade',
  'proxy-connection',
  'http2-settings',
];
const NOT_PLAIN = -1;
const UNKNOWN = -2;

interface KnownName {
  readonly bytes: Uint8Array;
  /** Index in KEPT, or NOT_PLAIN. */
  readonly place: number;
}

/** Few names share a length, so that a look at the length and a byte or two tells them apart. */
const BY_LENGTH: readonly (readonly KnownName[])[] = byLength([
  ...KEPT.map((name, place) => ({ bytes: ascii(name), place })),
  ...NEVER_PLAIN.map((name) => ({ bytes: ascii(name), place: NOT_PLAIN })),
]);

/**
 * The parser of the fast path: takes request heads of exactly one form (design: `POST / HTTP/1.1`, lines that end in CRLF,
 * `name: value` with one space or none, names of letters, digits, `-` and `_`, values of printable ASCII that neither begin nor
 * end in a space; one Host; one Content-Length in decimal without leading zero; no Connection but keep-alive; none of the names
 * that change how the request is read). Everything in it means to node:http what it means here (H1).
 *
 * One pass over the bytes without allocation: what a parse found is in the parser until the next.
 */
export class HeadParser {
  readonly #headerBytesMax: number;
  readonly #bodyBytesMax: number;
  /** Of each name of KEPT: where its value begins and ends in the head; 0 and 0 when it did not occur. */
  readonly #spans: number[] = new Array<number>(2 * KEPT.length).fill(0);
  #contentLength = 0;

  constructor(headerBytesMax: number, bodyBytesMax: number) {
    this.#headerBytesMax = headerBytesMax;
    this.#bodyBytesMax = bodyBytesMax;
  }

  /** Of the last head that was plain. */
  get contentLength(): number {
    return this.#contentLength;
  }

  /** Where the last head has its values, for {@link headerIn}. */
  spans(): readonly number[] {
    return this.#spans.slice();
  }

  /** The length of the head that begins at `start`, INCOMPLETE, or OTHER as soon as it is not plain. */
  parse(bytes: Uint8Array, start: number): number {
    const lengthMax = Math.min(bytes.length - start, this.#headerBytesMax);
    const end = start + lengthMax;
    const short = lengthMax === this.#headerBytesMax ? OTHER : INCOMPLETE;
    const spans = this.#spans.fill(0);
    let at = start;
    for (let i = 0; i < REQUEST_LINE.length; i++, at++) {
      if (at === end) return short;
      if (bytes[at] !== REQUEST_LINE[i]) return OTHER;
    }
    for (let count = 0; count < HEADERS_MAX; count++) {
      const name = at;
      while (at < end && NAME_BYTES[bytes[at] as number] === 1) at++;
      if (at === end) return short;
      const nameEnd = at;
      if (nameEnd === name) {
        if (bytes[at] !== CR) return OTHER;
        if (++at === end) return short;
        if (bytes[at] !== LF) return OTHER;
        at++;
        return this.#isPlain(bytes, start) ? at - start : OTHER;
      }
      if (bytes[at] !== COLON) return OTHER;
      at++;
      if (at < end && bytes[at] === SPACE) at++;
      const value = at;
      while (at < end && isPrintable(bytes[at] as number)) at++;
      if (at === end) return short;
      const valueEnd = at;
      if (bytes[at] !== CR) return OTHER;
      if (++at === end) return short;
      if (bytes[at] !== LF) return OTHER;
      at++;
      if (valueEnd === value || bytes[value] === SPACE || bytes[valueEnd - 1] === SPACE) {
        return OTHER;
      }
      const place = placeOf(bytes, name, nameEnd);
      if (place === UNKNOWN) continue;
      if (place === NOT_PLAIN || spans[2 * place] !== 0) return OTHER;
      spans[2 * place] = value - start;
      spans[2 * place + 1] = valueEnd - start;
    }
    return OTHER;
  }

  #isPlain(bytes: Uint8Array, start: number): boolean {
    const spans = this.#spans;
    if (spans[2 * HOST] === 0) return false;
    const connection = start + (spans[2 * CONNECTION] as number);
    const connectionEnd = start + (spans[2 * CONNECTION + 1] as number);
    if (connection !== start && !isName(bytes, connection, connectionEnd, KEEP_ALIVE)) return false;
    const length = start + (spans[2 * CONTENT_LENGTH] as number);
    const lengthEnd = start + (spans[2 * CONTENT_LENGTH + 1] as number);
    if (length === start || lengthEnd - length > DIGITS_MAX) return false;
    if (bytes[length] === ZERO && lengthEnd - length > 1) return false;
    let value = 0;
    for (let at = length; at < lengthEnd; at++) {
      const digit = (bytes[at] as number) - ZERO;
      if (digit < 0 || digit > 9) return false;
      value = 10 * value + digit;
    }
    this.#contentLength = value;
    return value <= this.#bodyBytesMax;
  }
}

/** The value of a header, from the text of a head and what {@link HeadParser.spans} said of it. */
export function headerIn(
  head: string,
  spans: readonly number[],
  name: HeaderName,
): string | undefined {
  const place = HEADER_NAMES.indexOf(name);
  const start = spans[2 * place];
  return start === 0 ? undefined : head.slice(start, spans[2 * place + 1]);
}

const KEEP_ALIVE = ascii('keep-alive');

function placeOf(bytes: Uint8Array, start: number, end: number): number {
  const candidates = BY_LENGTH[end - start];
  if (candidates === undefined) return UNKNOWN;
  for (let i = 0; i < candidates.length; i++) {
    const candidate = candidates[i] as KnownName;
    if (isName(bytes, start, end, candidate.bytes)) return candidate.place;
  }
  return UNKNOWN;
}

/** Whether the bytes are a name in small letters and hyphens, in either case. */
function isName(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    const byte = bytes[start + i] as number;
    if (byte !== name[i] && !(byte >= 0x41 && byte <= 0x5a && byte + 0x20 === name[i]))
      return false;
  }
  return true;
}

function isPrintable(byte: number): boolean {
  return byte >= SPACE && byte < DELETE;
}

function byLength(names: readonly KnownName[]): KnownName[][] {
  const longest = Math.max(...names.map(({ bytes }) => bytes.length));
  return Array.from({ length: longest + 1 }, (_, length) =>
    names.filter(({ bytes }) => bytes.length === length),
  );
}

function ascii(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
