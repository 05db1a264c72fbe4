import { utf8Text } from '../../bytes/index.ts';
import { serializationError } from '../errors.ts';

/**
 * Deeper than any request that could be valid (an item nests 32 levels, each two deep in JSON), and shallow enough for
 * every recursive walk over the parsed body (B4).
 */
const JSON_DEPTH_MAX = 512;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(json: unknown): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

/**
 * The body of a request, which must be a JSON object. Of a name given twice the last value counts. `__proto__` and the like
 * are ordinary names (J1): JSON.parse makes them own properties, and nobody copies the objects by assignment.
 * Throws SerializationException.
 */
export function parseBody(body: Uint8Array): JsonObject {
  if (isDeeperThan(body, JSON_DEPTH_MAX)) {
    throw serializationError(`The request is nested deeper than ${JSON_DEPTH_MAX} levels`);
  }
  let json: unknown;
  try {
    json = JSON.parse(utf8Text(body));
  } catch {
    throw serializationError('The request body is not valid JSON');
  }
  if (!isObject(json)) throw serializationError('The request body must be a JSON object');
  return json;
}

/** One pass over the bytes: in UTF-8 no byte of a longer character looks like a bracket, a quote or a backslash. */
function isDeeperThan(json: Uint8Array, limit: number): boolean {
  // Every level takes two brackets, or the text is not JSON: most bodies are too short to be deep.
  if (json.length <= 2 * limit) return false;
  let depth = 0;
  for (let i = 0; i < json.length; i++) {
    switch (json[i]) {
      case QUOTE:
        i = endOfString(json, i + 1);
        break;
      case 0x5b: // [
      case 0x7b: // {
        if (++depth > limit) return true;
        break;
      case 0x5d: // ]
      case 0x7d: // }
        depth--;
        break;
    }
  }
  return false;
}

/** Position of the closing quote; the length of the text when there is none. */
function endOfString(json: Uint8Array, start: number): number {
  for (let from = start; ; ) {
    const quote = json.indexOf(QUOTE, from);
    if (quote < 0) return json.length;
    let backslashes = 0;
    while (quote - 1 - backslashes >= from && json[quote - 1 - backslashes] === BACKSLASH) {
      backslashes++;
    }
    if (backslashes % 2 === 0) return quote;
    from = quote + 1;
  }
}
