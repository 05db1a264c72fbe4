import type { Work } from './load.ts';

/** As long as the longest DynamoDB clients make them: an SDK's headers, without a real signature. */
const HEADERS =
  'Host: 127.0.0.1\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Date: 20260101T000000Z\r\n' +
  'Authorization: AWS4-HMAC-SHA256 Credential=bench/20260101/local/dynamodb/aws4_request, ' +
  `SignedHeaders=host;x-amz-date;x-amz-target, Signature=${'0'.repeat(64)}\r\n`;

const DIGITS = 12;
/** Stands for a key until it is written over; nothing else in a request looks like it. */
const PLACE = '#'.repeat(DIGITS);
const ZERO = 0x30;

export const BATCH_ITEMS = 25;

/** The bytes of a request but for its keys. */
interface Template {
  readonly bytes: Buffer;
  /** Where each item's key stands; an item's value repeats it. */
  readonly places: readonly (readonly number[])[];
}

function template(operation: string, body: string, placesOfItem: number): Template {
  const bytes = Buffer.from(
    `POST / HTTP/1.1\r\n${HEADERS}X-Amz-Target: DynamoDB_20120810.${operation}\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
    'latin1',
  );
  const all: number[] = [];
  for (let at = bytes.indexOf(PLACE); at >= 0; at = bytes.indexOf(PLACE, at + DIGITS)) all.push(at);
  const places: number[][] = [];
  for (let i = 0; i < all.length; i += placesOfItem) places.push(all.slice(i, i + placesOfItem));
  return { bytes, places };
}

/** Writes requests into buffers of the caller: keys are numbers, an item's value begins with its key. */
export class RequestMaker {
  /** No request is longer. */
  readonly sizeMax: number;
  readonly #put: Template;
  readonly #get: Template;
  readonly #batch: Template;
  readonly #expected = Buffer.from(`"S":"${PLACE}x`, 'latin1');

  constructor(table: string, valueBytes: number, work: Work) {
    if (valueBytes <= DIGITS)
      throw new Error(`values of ${valueBytes} bytes cannot hold their key`);
    const value = PLACE + 'x'.repeat(valueBytes - DIGITS);
    const item = `{"pk":{"S":"key-${PLACE}"},"v":{"S":"${value}"}}`;
    const one = `{"PutRequest":{"Item":${item}}}`;
    const many = Array.from({ length: BATCH_ITEMS }, () => one).join(',');
    this.#put = template('PutItem', `{"TableName":"${table}","Item":${item}}`, 2);
    this.#get = template(
      'GetItem',
      `{"TableName":"${table}","Key":{"pk":{"S":"key-${PLACE}"}},"ConsistentRead":true}`,
      1,
    );
    this.#batch = template('BatchWriteItem', `{"RequestItems":{"${table}":[${many}]}}`, 2);
    const used = work === 'batch' ? this.#batch : this.#put;
    this.sizeMax = Math.max(used.bytes.length, this.#get.bytes.length);
  }

  /** Returns where the request ends. */
  put(into: Buffer, at: number, key: number): number {
    return write(this.#put, into, at, key);
  }

  get(into: Buffer, at: number, key: number): number {
    return write(this.#get, into, at, key);
  }

  /** Items `key` to `key + BATCH_ITEMS - 1`. */
  batch(into: Buffer, at: number, key: number): number {
    return write(this.#batch, into, at, key);
  }

  /** Whether the body of an answer to {@link get} has the value of that key. */
  isValueOf(body: Buffer, key: number): boolean {
    writeDigits(this.#expected, '"S":"'.length, key);
    return body.includes(this.#expected);
  }
}

function write({ bytes, places }: Template, into: Buffer, at: number, key: number): number {
  into.set(bytes, at);
  for (let item = 0; item < places.length; item++) {
    for (const place of places[item] as readonly number[])
      writeDigits(into, at + place, key + item);
  }
  return at + bytes.length;
}

function writeDigits(into: Buffer, at: number, key: number): void {
  let rest = key;
  for (let i = DIGITS - 1; i >= 0; i--) {
    const higher = Math.floor(rest / 10);
    into[at + i] = ZERO + rest - 10 * higher;
    rest = higher;
  }
}
