import { utf8, utf8Into, utf8Text } from '../bytes/index.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { MAX_VALUE_LEVELS } from './compare.ts';
import type { StoredItem } from './operation.ts';
import { sizeOfAsciiItem, sizeOfItem } from './size.ts';
import type { AttributeMap, AttributeValue, Item } from './value.ts';

/**
 * The form in which items are kept and sent (E4): the JSON of the DynamoDB protocol, without white space, members in the
 * order of the map. Equal items with the same order have equal bytes.
 *
 * The bytes may be a view into a larger buffer: copy what is kept past the turn (E8).
 */
export function encodeStoredItem(item: Item): StoredItem {
  const text = attributeMapText(item);
  const json = encodeText(text);
  const ascii = json.length === text.length;
  return { json, size: ascii ? sizeOfAsciiItem(item) : sizeOfItem(item) };
}

/** The JSON of an attribute map alone, as UTF-8; a view as in {@link encodeStoredItem}. */
export function encodeAttributeMap(attributes: AttributeMap): Uint8Array {
  return encodeText(attributeMapText(attributes));
}

// An array of its own costs a microsecond, several times what encoding an item costs, so small ones share a slab. Its bytes
// are never used twice: whoever holds a view keeps the slab.
const SLAB_BYTES = 16 * 1024;
const LARGEST_SHARED = 4 * 1024;
let slab = new Uint8Array(SLAB_BYTES);
let slabUsed = 0;

function encodeText(text: string): Uint8Array {
  const room = 3 * text.length;
  if (room > LARGEST_SHARED) return utf8(text);
  if (slabUsed + room > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const start = slabUsed;
  slabUsed += utf8Into(text, slab, start);
  return slab.subarray(start, slabUsed);
}

// What JSON has to escape: everything but the printable characters other than quote and backslash. One pass, no way back.
const NEEDS_ESCAPES = /[^ !#-[\]-\uffff]/;

function quoted(text: string): string {
  return NEEDS_ESCAPES.test(text) ? JSON.stringify(text) : `"${text}"`;
}

/** The JSON of an attribute map alone, as text. */
export function attributeMapText(attributes: AttributeMap): string {
  let text = '';
  for (const [name, value] of attributes) {
    text += text === '' ? '{' : ',';
    text += quoted(name);
    text += ':';
    text += valueText(value);
  }
  return text === '' ? '{}' : `${text}}`;
}

// Appended piece by piece: an array of the elements' texts and its join take a third longer.
function listText(elements: readonly AttributeValue[]): string {
  let text = '';
  for (const element of elements) {
    text += text === '' ? '[' : ',';
    text += valueText(element);
  }
  return text === '' ? '[]' : `${text}]`;
}

function valueText(value: AttributeValue): string {
  switch (value.type) {
    case 'S':
      return `{"S":${quoted(value.value)}}`;
    case 'N':
      return `{"N":"${value.value}"}`;
    case 'B':
      return `{"B":"${encodeBase64(value.value)}"}`;
    case 'BOOL':
      return value.value ? '{"BOOL":true}' : '{"BOOL":false}';
    case 'NULL':
      return '{"NULL":true}';
    case 'SS':
      return `{"SS":[${value.value.map(quoted).join(',')}]}`;
    case 'NS':
      return `{"NS":["${value.value.join('","')}"]}`;
    case 'BS':
      return `{"BS":["${value.value.map(encodeBase64).join('","')}"]}`;
    case 'L':
      return `{"L":${listText(value.value)}}`;
    case 'M':
      return `{"M":${attributeMapText(value.value)}}`;
  }
}

/**
 * The item that {@link encodeStoredItem} wrote. JSON.parse would move names like "7" to the front, so it is read by hand;
 * since the form is our own, that is also faster. Throws when the bytes are anything else.
 */
export function decodeStoredItem(json: Uint8Array): Item {
  return new StoredItemReader(utf8Text(json)).item();
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const COLON = 0x3a;

const NULL: AttributeValue = { type: 'NULL' };
const TRUE: AttributeValue = { type: 'BOOL', value: true };
const FALSE: AttributeValue = { type: 'BOOL', value: false };

class StoredItemReader {
  readonly #text: string;
  readonly #escapes: boolean;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#escapes = text.includes('\\');
  }

  item(): Item {
    const item = this.#attributes(1);
    if (this.#at !== this.#text.length) throw this.#damaged();
    return item;
  }

  #attributes(level: number): AttributeMap {
    const attributes = new Map<string, AttributeValue>();
    this.#take(OPEN_BRACE);
    if (this.#takeIf(CLOSE_BRACE)) return attributes;
    do {
      const name = this.#string();
      this.#take(COLON);
      attributes.set(name, this.#value(level));
    } while (this.#takeIf(COMMA));
    this.#take(CLOSE_BRACE);
    return attributes;
  }

  #value(level: number): AttributeValue {
    if (level > MAX_VALUE_LEVELS) throw this.#damaged();
    this.#take(OPEN_BRACE);
    const type = this.#string();
    this.#take(COLON);
    const value = this.#content(type, level);
    this.#take(CLOSE_BRACE);
    return value;
  }

  #content(type: string, level: number): AttributeValue {
    switch (type) {
      case 'S':
      case 'N':
        return { type, value: this.#string() };
      case 'B':
        return { type, value: this.#binary() };
      case 'BOOL':
        return this.#takeWord('true') ? TRUE : this.#takeWord('false') ? FALSE : this.#fail();
      case 'NULL':
        return this.#takeWord('true') ? NULL : this.#fail();
      case 'SS':
      case 'NS':
        return { type, value: this.#list(() => this.#string()) };
      case 'BS':
        return { type, value: this.#list(() => this.#binary()) };
      case 'L':
        return { type, value: this.#list(() => this.#value(level + 1)) };
      case 'M':
        return { type, value: this.#attributes(level + 1) };
      default:
        return this.#fail();
    }
  }

  #list<T>(element: () => T): readonly T[] {
    const elements: T[] = [];
    this.#take(OPEN_BRACKET);
    if (this.#takeIf(CLOSE_BRACKET)) return elements;
    do elements.push(element());
    while (this.#takeIf(COMMA));
    this.#take(CLOSE_BRACKET);
    return elements;
  }

  #binary(): Uint8Array {
    const result = decodeBase64(this.#string());
    return result.ok ? result.bytes : this.#fail();
  }

  #string(): string {
    const start = this.#at;
    this.#take(QUOTE);
    let end = this.#text.indexOf('"', this.#at);
    if (this.#escapes)
      while (end >= 0 && this.#isEscaped(end)) end = this.#text.indexOf('"', end + 1);
    if (end < 0) throw this.#damaged();
    this.#at = end + 1;
    const content = this.#text.slice(start + 1, end);
    if (!this.#escapes || !content.includes('\\')) return content;
    return JSON.parse(`"${content}"`) as string;
  }

  /** A quote after an odd number of backslashes. Each backslash is counted once, since only the next quote looks at it. */
  #isEscaped(quote: number): boolean {
    let at = quote;
    while (this.#text.charCodeAt(at - 1) === BACKSLASH) at--;
    return ((quote - at) & 1) === 1;
  }

  #take(unit: number): void {
    if (this.#text.charCodeAt(this.#at) !== unit) throw this.#damaged();
    this.#at++;
  }

  #takeIf(unit: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== unit) return false;
    this.#at++;
    return true;
  }

  #takeWord(word: string): boolean {
    if (!this.#text.startsWith(word, this.#at)) return false;
    this.#at += word.length;
    return true;
  }

  #fail(): never {
    throw this.#damaged();
  }

  /** Says where, not what: messages end up in logs, and items are nobody's business there. */
  #damaged(): Error {
    return new Error(`a stored item is damaged at ${this.#at} of ${this.#text.length}`);
  }
}
