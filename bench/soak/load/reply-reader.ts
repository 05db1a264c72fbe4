const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');
const LENGTH = Buffer.from('\r\ncontent-length: ', 'latin1');
const LENGTH_CAPITAL = Buffer.from('\r\nContent-Length: ', 'latin1');
/** Of `HTTP/1.1 200`. */
const STATUS_AT = 9;
const ZERO = 0x30;

/** Takes a whole answer: its bytes are valid during the call only. */
export type OnReply = (status: number, body: Buffer) => void;

/** Cuts one connection's stream into answers that have a Content-Length. Nothing is copied unless an answer comes in pieces. */
export class ReplyReader {
  #partial: Buffer | undefined;

  read(chunk: Buffer, onReply: OnReply): void {
    const bytes = this.#partial === undefined ? chunk : Buffer.concat([this.#partial, chunk]);
    this.#partial = undefined;
    let at = 0;
    while (at < bytes.length) {
      const headEnd = bytes.indexOf(HEAD_END, at);
      if (headEnd < 0) break;
      const bodyStart = headEnd + HEAD_END.length;
      const end = bodyStart + contentLength(bytes, at, headEnd);
      if (end > bytes.length) break;
      onReply(number(bytes, at + STATUS_AT), bytes.subarray(bodyStart, end));
      at = end;
    }
    if (at < bytes.length) this.#partial = Buffer.from(bytes.subarray(at));
  }

  /** For the next connection. */
  reset(): void {
    this.#partial = undefined;
  }
}

function contentLength(bytes: Buffer, from: number, headEnd: number): number {
  let at = bytes.indexOf(LENGTH_CAPITAL, from);
  if (at < 0 || at > headEnd) at = bytes.indexOf(LENGTH, from);
  if (at < 0 || at > headEnd) throw new Error('an answer without Content-Length');
  return number(bytes, at + LENGTH.length);
}

function number(bytes: Buffer, from: number): number {
  let value = 0;
  for (let at = from; ; at++) {
    const digit = (bytes[at] ?? 0) - ZERO;
    if (digit < 0 || digit > 9) return value;
    value = 10 * value + digit;
  }
}
