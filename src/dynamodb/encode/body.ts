import { concatBytes, utf8 } from '../../bytes/index.ts';

/**
 * The JSON body of an answer, put together from parts: members that are stored as JSON already (items) go in as they are (E4).
 */
export class JsonBody {
  readonly #parts: Uint8Array[] = [];

  /** A member from a value for JSON.stringify; undefined leaves it out. */
  member(name: string, value: unknown): this {
    return value === undefined ? this : this.raw(name, utf8(JSON.stringify(value)));
  }

  /** A member from its JSON; undefined leaves it out. */
  raw(name: string, json: Uint8Array | undefined): this {
    if (json === undefined) return this;
    this.#parts.push(opening(this.#parts.length === 0 ? '{' : ',', name), json);
    return this;
  }

  /** An array of values that are JSON already. */
  rawList(name: string, values: readonly Uint8Array[]): this {
    this.#parts.push(opening(this.#parts.length === 0 ? '{' : ',', name), LIST_OPEN);
    values.forEach((value, i) => {
      if (i > 0) this.#parts.push(COMMA);
      this.#parts.push(value);
    });
    this.#parts.push(LIST_CLOSE);
    return this;
  }

  finish(): Uint8Array {
    if (this.#parts.length === 0) return EMPTY_BODY;
    this.#parts.push(CLOSE);
    return concatBytes(this.#parts);
  }
}

const LIST_OPEN = utf8('[');
const LIST_CLOSE = utf8(']');
const COMMA = utf8(',');
const CLOSE = utf8('}');
const EMPTY_BODY = utf8('{}');

/** Most members have one of a few names; names of tables are members too, so that not all are kept. */
const openings = new Map<string, Uint8Array>();
const OPENINGS_MAX = 128;

function opening(separator: '{' | ',', name: string): Uint8Array {
  const text = `${separator}${JSON.stringify(name)}:`;
  let bytes = openings.get(text);
  if (bytes === undefined) {
    bytes = utf8(text);
    if (openings.size < OPENINGS_MAX) openings.set(text, bytes);
  }
  return bytes;
}

export function jsonBytes(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}
