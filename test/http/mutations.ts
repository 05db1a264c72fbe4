/** Requests as clients send them, and what can be wrong with them, for the tests that throw bad input at the listener. */

/** A number below `limit`, from a seed. */
export type Draw = (limit: number) => number;

/** Mulberry32: small, seeded, good enough to choose mutations. */
export function drawFrom(seed: number): Draw {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

export function pick<T>(draw: Draw, from: readonly T[]): T {
  return from[draw(from.length)] as T;
}

/** A request in parts that can be changed one by one; texts are latin1, one character a byte. */
export interface RequestParts {
  line: string;
  headers: string[];
  body: string;
}

const BODIES = [
  '{}',
  '{"TableName":"ships","Key":{"pk":{"S":"k"}},"ConsistentRead":true}',
  `{"TableName":"ships","Item":{"pk":{"S":"k"},"v":{"S":"${'x'.repeat(256)}"}}}`,
  '{"Limit":5}\r\n\r\n',
  'POST / HTTP/1.1\r\nHost: inner\r\nContent-Length: 2\r\n\r\n{}',
];

const CLIENTS: readonly (readonly string[])[] = [
  // The AWS SDK for JavaScript.
  [
    'content-type: application/x-amz-json-1.0',
    'x-amz-target: DynamoDB_20120810.PutItem',
    'host: 127.0.0.1:8000',
    'x-amz-date: 20260101T000000Z',
    'amz-sdk-invocation-id: 0b2c7c4e-8f0d-4c55-9d0e-1f2a3b4c5d6e',
    'amz-sdk-request: attempt=1; max=3',
    'user-agent: aws-sdk-js/3.1164.0 ua/2.1 os/linux#6.1 lang/js md/nodejs#20.20.2',
    'authorization: AWS4-HMAC-SHA256 Credential=a/20260101/local/dynamodb/aws4_request, Signature=00ff',
    'Connection: keep-alive',
  ],
  // boto3 and the AWS CLI.
  [
    'Host: 127.0.0.1:8000',
    'Accept-Encoding: identity',
    'X-Amz-Target: DynamoDB_20120810.GetItem',
    'Content-Type: application/x-amz-json-1.0',
    'User-Agent: Boto3/1.40.0 md/Botocore#1.40.0 ua/2.1',
    'X-Amz-Date: 20260101T000000Z',
  ],
  // curl, and wrk.
  ['Host: localhost:8000', 'User-Agent: curl/8.14.1', 'Accept: */*', 'X-Amz-Target: X.ListTables'],
  ['Host: localhost', 'x-amz-target: DynamoDB_20120810.Query', 'Origin: http://localhost:5173'],
];

/** A request of the plain form. */
export function plainRequest(draw: Draw): RequestParts {
  const body = pick(draw, BODIES);
  const headers = [...pick(draw, CLIENTS)];
  headers.splice(draw(headers.length + 1), 0, `Content-Length: ${body.length}`);
  return { line: 'POST / HTTP/1.1', headers, body };
}

const ODD_BYTES = '\0\t\n\r :,;=+-0129AaZz_"/%?\x0b\x1f\x7f\x80\xa0\xff';
const LINES = [
  'POST http://localhost/ HTTP/1.1',
  'POST /?a=b HTTP/1.1',
  'POST // HTTP/1.1',
  'POST /# HTTP/1.1',
  'POST * HTTP/1.1',
  'POST  / HTTP/1.1',
  'POST / HTTP/1.1 ',
  'POST /\tHTTP/1.1',
  'POST / HTTP/1.0',
  'POST / HTTP/1.2',
  'POST / HTTP/2.0',
  'POST / http/1.1',
  'POST /',
  'post / HTTP/1.1',
  'PUT / HTTP/1.1',
  'GET / HTTP/1.1',
  'OPTIONS / HTTP/1.1',
  'PATCH /_flotilla/status HTTP/1.1',
  'CONNECT localhost:80 HTTP/1.1',
  'PRI * HTTP/2.0',
  '\r\nPOST / HTTP/1.1',
  '\nPOST / HTTP/1.1',
  ' POST / HTTP/1.1',
];
const LENGTHS = ['+2', '02', ' 2', '2 ', '2\t', '0x2', '2,2', '2, 2', '', '-1', '2;', '1e1', '2.0'];
const HEADERS = [
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: identity',
  'Content-Encoding: gzip',
  'Content-Encoding: identity',
  'Expect: 100-continue',
  'Expect: something',
  'Connection: close',
  'Connection: keep-alive, Upgrade',
  'Connection: Keep-Alive',
  'Connection: content-length',
  'Proxy-Connection: close',
  'Upgrade: h2c',
  'Upgrade: websocket',
  'Keep-Alive: timeout=5',
  'Trailer: x',
  'TE: trailers',
  'Host: other',
  'Host:',
  'X-Amz-Target: DynamoDB_20120810.Scan',
  'Content-Type: text/plain',
  'Content-Length: 2',
  'Content-Length: 3',
  'content_length: 3',
  'Authorization: other',
  'Accept-Encoding:gzip',
  ': no name',
  'no colon',
  'Name with spaces: x',
  'Tab\t: x',
  'X-Empty:',
  'X-Blank:   ',
  'X-Odd: caf\xe9',
  'X-Null: a\0b',
  "X!#$%&'*.^`|~: token",
  '__proto__: x',
];

type Mutation = (parts: RequestParts, draw: Draw) => void;

const PART_MUTATIONS: readonly Mutation[] = [
  (parts, draw) => {
    parts.line = pick(draw, LINES);
  },
  (parts, draw) => {
    parts.headers.splice(draw(parts.headers.length + 1), 0, pick(draw, HEADERS));
  },
  (parts, draw) => {
    parts.headers.push(pick(draw, parts.headers));
  },
  (parts, draw) => {
    parts.headers.splice(draw(parts.headers.length), 1);
  },
  (parts, draw) => changeHeader(parts, draw, (line) => line.toUpperCase()),
  (parts, draw) => changeHeader(parts, draw, (line) => line.toLowerCase()),
  (parts, draw) => changeHeader(parts, draw, (line) => line.replace(': ', ':')),
  (parts, draw) => changeHeader(parts, draw, (line) => line.replace(': ', ':  ')),
  (parts, draw) => changeHeader(parts, draw, (line) => line.replace(': ', ':\t')),
  (parts, draw) => changeHeader(parts, draw, (line) => line.replace(': ', ' : ')),
  (parts, draw) => changeHeader(parts, draw, (line) => `${line} `),
  (parts, draw) => changeHeader(parts, draw, (line) => `${line}\t`),
  (parts, draw) => changeHeader(parts, draw, (line) => ` ${line}`),
  (parts, draw) => changeHeader(parts, draw, (line) => line.replace(': ', ':\r\n ')),
  (parts, draw) => changeHeader(parts, draw, (line) => `${line}\r\n\tfolded`),
  (parts, draw) => changeHeader(parts, draw, (line) => `${line}\nX-Bare: lf`),
  (parts, draw) => changeHeader(parts, draw, (line) => `${line}\rX-Bare: cr`),
  (parts, draw) => setLength(parts, pick(draw, LENGTHS)),
  (parts, draw) => setLength(parts, String(Math.max(0, parts.body.length + draw(5) - 2))),
  (parts, draw) => setLength(parts, `${'0'.repeat(draw(3))}${parts.body.length}`),
  (parts) => setLength(parts, '9'.repeat(25)),
  (parts) => setLength(parts, '16777217'),
  (parts, draw) => {
    // Chunked, with the length left in or not.
    const { body } = parts;
    if (draw(2) === 0)
      parts.headers = parts.headers.filter((line) => !/^content-length/i.test(line));
    parts.headers.push('Transfer-Encoding: chunked');
    parts.body = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  },
  (parts, draw) => {
    parts.headers.push(`X-Filler: ${'x'.repeat(pick(draw, [4_000, 15_500, 16_000, 17_000]))}`);
  },
  (parts, draw) => {
    for (let i = pick(draw, [40, 90, 100, 130]); i > 0; i--) parts.headers.push(`x-${i}: ${i}`);
  },
  (parts, draw) => {
    parts.body = 'y'.repeat(pick(draw, [1, 5_000, 70_000]));
    setLength(parts, String(parts.body.length));
  },
];

function changeHeader(parts: RequestParts, draw: Draw, change: (line: string) => string): void {
  if (parts.headers.length === 0) return;
  const place = draw(parts.headers.length);
  parts.headers[place] = change(parts.headers[place] as string);
}

function setLength(parts: RequestParts, length: string): void {
  parts.headers = parts.headers.map((line) =>
    /^content-length:/i.test(line) ? `Content-Length: ${length}` : line,
  );
}

const TEXT_MUTATIONS: readonly ((text: string, draw: Draw) => string)[] = [
  // One bit.
  (text, draw) => {
    const at = draw(text.length);
    const flipped = String.fromCharCode(text.charCodeAt(at) ^ (1 << draw(8)));
    return text.slice(0, at) + flipped + text.slice(at + 1);
  },
  (text, draw) => {
    const at = draw(text.length);
    return text.slice(0, at) + pick(draw, [...ODD_BYTES]) + text.slice(at + 1);
  },
  (text, draw) => {
    const at = draw(text.length + 1);
    return text.slice(0, at) + pick(draw, [...ODD_BYTES]) + text.slice(at);
  },
  (text, draw) => {
    const at = draw(text.length);
    return text.slice(0, at) + text.slice(at + 1 + draw(3));
  },
  (text, draw) => text.slice(0, draw(text.length)),
  (text) => text.replaceAll('\r\n', '\n'),
  (text, draw) => {
    const breaks = [...text.matchAll(/\r\n/g)].map(({ index }) => index);
    const at = pick(draw, breaks);
    return text.slice(0, at) + pick(draw, ['\n', '\r', '\r\r\n', '\n\r', '']) + text.slice(at + 2);
  },
  (text) => `\r\n${text}`,
  (text) => `${text}\r\n`,
];

export function render({ line, headers, body }: RequestParts): string {
  return `${[line, ...headers].join('\r\n')}\r\n\r\n${body}`;
}

/** A request with up to three things wrong with it, and often none, since some changes keep it valid. */
export function mutatedRequest(draw: Draw): string {
  const parts = plainRequest(draw);
  for (let count = draw(3); count > 0; count--) pick(draw, PART_MUTATIONS)(parts, draw);
  const text = render(parts);
  return draw(3) === 0 ? pick(draw, TEXT_MUTATIONS)(text, draw) : text;
}

/** The bytes in the pieces in which they are sent: most often one. */
export function pieces(text: string, draw: Draw): Buffer[] {
  const bytes = Buffer.from(text, 'latin1');
  const kind = draw(60);
  if (kind < 36) return [bytes];
  if (kind === 36 && bytes.length < 500) return Array.from(bytes, (byte) => Buffer.of(byte));
  if (kind < 42) {
    // Byte by byte, somewhere.
    const start = draw(bytes.length);
    const singles = Array.from(bytes.subarray(start, start + 12), (byte) => Buffer.of(byte));
    return [bytes.subarray(0, start), ...singles, bytes.subarray(start + 12)];
  }
  const cuts = Array.from({ length: 1 + draw(4) }, () => draw(bytes.length + 1));
  cuts.sort((a, b) => a - b);
  return [0, ...cuts].map((cut, i) => bytes.subarray(cut, cuts[i] ?? bytes.length));
}
