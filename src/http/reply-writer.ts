import {
  type ServerResponse,
  STATUS_CODES,
  validateHeaderName,
  validateHeaderValue,
} from 'node:http';
import { crc32 } from 'node:zlib';
import type { HttpReply } from './request.ts';

/** Larger bodies are written as they are, beside their head, rather than copied behind it. */
const COPIED_BELOW_BYTES = 16 * 1024;
/** So that no large body is kept for the sake of its checksum. */
const REMEMBERED_BELOW_BYTES = 64;

/** Writes status and headers; the checksum is that of the bytes on the wire. The caller sends the body. */
export function writeHead(
  response: ServerResponse,
  reply: HttpReply,
  requestId: string,
  closing: boolean,
): void {
  const { status, contentType, body, headers } = reply;
  const lines = [
    'x-amzn-RequestId',
    requestId,
    'x-amz-crc32',
    String(crc32(body)),
    'Content-Type',
    contentType,
    'Content-Length',
    String(body.length),
  ];
  if (headers) lines.push(...headers);
  if (closing) lines.push('Connection', 'close');
  response.writeHead(status, lines);
}

/** Whether {@link ReplyRenderer.render} gives the body too. */
export function isRenderedWhole(reply: HttpReply): boolean {
  return reply.body.length <= COPIED_BELOW_BYTES;
}

/** The same answers as bytes, for the fast path. */
export class ReplyRenderer {
  readonly #nextId: () => string;
  readonly #keepAlive: string;
  #open = '';
  #closing = '';
  readonly #beginnings = new Map<number, string>();
  /** Most writes are answered by one and the same empty object, whose bytes never change (E8). */
  #lastBody: Uint8Array = new Uint8Array();
  #lastChecksum = 0;

  constructor(nextId: () => string, keepAliveTimeoutMs: number, date: Date) {
    this.#nextId = nextId;
    this.#keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveTimeoutMs / 1000)}\r\n\r\n`;
    this.setDate(date);
  }

  /** To be called once a second, for the header Date. */
  setDate(date: Date): void {
    const line = `Date: ${date.toUTCString()}\r\n`;
    this.#open = line + this.#keepAlive;
    this.#closing = `${line}Connection: close\r\n\r\n`;
  }

  /** One answer, or its head alone when the body is large: then the body is still to be sent as it is. */
  render(reply: HttpReply, isLast: boolean): Buffer {
    const { body } = reply;
    const head = this.#head(reply, isLast);
    if (!isRenderedWhole(reply)) return Buffer.from(head, 'latin1');
    const bytes = Buffer.allocUnsafe(head.length + body.length);
    bytes.write(head, 'latin1');
    bytes.set(body, head.length);
    return bytes;
  }

  #head({ status, contentType, body, headers }: HttpReply, isLast: boolean): string {
    return (
      this.#beginning(status) +
      this.#nextId() +
      '\r\nx-amz-crc32: ' +
      this.#checksum(body) +
      '\r\nContent-Type: ' +
      contentType +
      '\r\nContent-Length: ' +
      body.length +
      '\r\n' +
      (headers === undefined ? '' : headerLines(headers)) +
      (isLast ? this.#closing : this.#open)
    );
  }

  #beginning(status: number): string {
    let beginning = this.#beginnings.get(status);
    if (beginning === undefined) {
      beginning = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nx-amzn-RequestId: `;
      this.#beginnings.set(status, beginning);
    }
    return beginning;
  }

  #checksum(body: Uint8Array): number {
    if (body === this.#lastBody) return this.#lastChecksum;
    const checksum = crc32(body);
    if (body.length <= REMEMBERED_BELOW_BYTES) {
      this.#lastBody = body;
      this.#lastChecksum = checksum;
    }
    return checksum;
  }
}

/** Throws when a value could end the line, as node:http does. */
function headerLines(headers: readonly string[]): string {
  let lines = '';
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = headers[i] as string;
    const value = headers[i + 1] as string;
    validateHeaderName(name);
    validateHeaderValue(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}
