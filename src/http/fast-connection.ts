import type { Socket } from 'node:net';
import { busy } from './body.ts';
import type { ByteBudget } from './byte-budget.ts';
import { Exchange, type ExchangeOwner } from './exchange.ts';
import { type HeadParser, INCOMPLETE, OTHER } from './head-parser.ts';
import { type HttpLimits, REQUEST_OVERHEAD_BYTES } from './limits.ts';
import { PartialRequest } from './partial-request.ts';
import { refusalOf } from './refusal.ts';
import { isRenderedWhole, type ReplyRenderer } from './reply-writer.ts';
import type { HttpReply, RequestHandler } from './request.ts';

/** What the connections of the fast path have in common. */
export interface FastPathContext {
  readonly limits: HttpLimits;
  readonly budget: ByteBudget;
  readonly parser: HeadParser;
  readonly renderer: ReplyRenderer;
  readonly handler: RequestHandler;
  /**
   * Milliseconds, in steps of the sweep and rounded up, so that no time is up too early; a stall of this process is not held
   * against its clients.
   */
  now(): number;
  /** Whether every connection ends when its requests are answered. */
  isClosing(): boolean;
  /** The bytes of an answer after which the connection ends. */
  refusal(reply: HttpReply): string;
  failed(event: string, error: unknown): void;
  /** The connection is closed, or node:http's. */
  forget(connection: FastConnection): void;
  /** Everything that came and was not answered is in the socket, which is paused. */
  handOver(socket: Socket): void;
}

/** A head in more pieces than this is left to node:http, since each piece is read from the beginning (J2). */
const HEAD_PIECES_MAX = 8;

/**
 * - reading: requests are taken.
 * - leaving: something came that is not plain. Nothing is read; node:http takes over when all before it is answered (H3).
 * - ending: the last answer is written; what still comes is dropped.
 * - gone: closed, or handed over.
 */
type State = 'reading' | 'leaving' | 'ending' | 'gone';

/** One connection on the fast path. */
export class FastConnection implements ExchangeOwner {
  readonly #context: FastPathContext;
  readonly #socket: Socket;
  #state: State = 'reading';
  /** Requests without a written answer, oldest first. */
  readonly #pending: Exchange[] = [];
  /** Bytes that #pending has taken from the budget, and bytes of answers that the client has not read. */
  #charged = 0;
  #unread = 0;
  #partial: PartialRequest | undefined;
  /** Reading pauses, since too much is unanswered. */
  #isFull = false;
  /** The client has less time to read than usual. */
  #isHurried = false;
  /** The client sends nothing more. */
  #isHalfClosed = false;
  #isUsed = false;
  #isParsing = false;
  #isFlushScheduled = false;
  #movedAt: number;

  readonly #onData = (chunk: Buffer) => this.#take(chunk);
  readonly #onEnd = () => this.#endOfInput();
  readonly #onDrain = () => this.#drained();
  readonly #onClosed = () => this.#detach();
  readonly #onTimeout = () => this.drop();
  readonly #onError = () => {};

  constructor(context: FastPathContext, socket: Socket) {
    this.#context = context;
    this.#socket = socket;
    this.#movedAt = context.now();
    socket.on('data', this.#onData).on('end', this.#onEnd).on('drain', this.#onDrain);
    socket.on('close', this.#onClosed).on('timeout', this.#onTimeout).on('error', this.#onError);
  }

  #take(chunk: Buffer): void {
    if (this.#state !== 'reading') return;
    this.#movedAt = this.#context.now();
    const partial = this.#partial;
    if (partial === undefined) {
      this.#read(chunk);
      return;
    }
    partial.append(chunk);
    if (partial.length < partial.wanted) this.#charge(partial);
    else if (partial.wanted === 0 && partial.pieces > HEAD_PIECES_MAX) this.#leave(partial.bytes());
    else this.#read(partial.bytes());
  }

  /** Takes the requests that lie in the bytes, which begin with the beginning of a request. */
  #read(bytes: Buffer): void {
    const { parser } = this.#context;
    this.#isParsing = true;
    let at = 0;
    while (at < bytes.length && this.#state === 'reading') {
      if (this.#mustWait()) {
        this.#pause(bytes.subarray(at));
        break;
      }
      const headLength = parser.parse(bytes, at);
      if (headLength === OTHER) {
        this.#leave(bytes.subarray(at));
        break;
      }
      const wanted = headLength === INCOMPLETE ? 0 : headLength + parser.contentLength;
      const end = at + wanted;
      if (wanted === 0 || end > bytes.length) {
        this.#keep(bytes, at, wanted);
        break;
      }
      this.#begin(bytes, at, at + headLength, end);
      at = end;
    }
    this.#isParsing = false;
    if (this.#pending.length > 0) this.#flush();
  }

  #begin(bytes: Buffer, start: number, bodyStart: number, end: number): void {
    const { parser, budget, handler } = this.#context;
    this.#dropPartial();
    this.#isUsed = true;
    const bytesNeeded = REQUEST_OVERHEAD_BYTES + end - start;
    const charge = budget.take(bytesNeeded) ? bytesNeeded : 0;
    this.#charged += charge;
    const head = bytes.toString('latin1', start, bodyStart);
    const body = bytes.subarray(bodyStart, end);
    const exchange = new Exchange(this, head, parser.spans(), body, charge);
    this.#pending.push(exchange);
    try {
      if (charge > 0) handler(exchange, exchange);
      else exchange.respond(busy());
    } catch (error) {
      this.#context.failed('request failed', error);
      this.drop();
    }
    exchange.releaseBody();
  }

  /** Whether more requests would be more than one connection may hold (H2). */
  #mustWait(): boolean {
    const { pipelineRequests, pipelineBytes } = this.#context.limits;
    const { length } = this.#pending;
    return length >= pipelineRequests || this.#charged >= pipelineBytes || this.#unread > 0;
  }

  #pause(rest: Buffer): void {
    this.#isFull = true;
    this.#giveBack(rest);
  }

  #leave(rest: Buffer): void {
    this.#state = 'leaving';
    this.#giveBack(rest);
    this.#goOn();
  }

  /** Puts what was read and not taken back into the socket. */
  #giveBack(rest: Buffer): void {
    this.#dropPartial();
    this.#socket.pause();
    this.#socket.unshift(rest);
  }

  /** Keeps the beginning of a request; `wanted` as in PartialRequest. */
  #keep(bytes: Buffer, at: number, wanted: number): void {
    let partial = this.#partial;
    if (partial === undefined || at > 0) {
      this.#dropPartial();
      partial = new PartialRequest(this.#context.budget, this.#context.now());
      partial.append(bytes.subarray(at));
      this.#partial = partial;
    }
    partial.wanted = wanted;
    this.#charge(partial);
  }

  /** Without room the request goes to node:http, which refuses it and knows how to drain the rest. */
  #charge(partial: PartialRequest): void {
    if (!partial.charge()) this.#leave(partial.bytes());
  }

  #dropPartial(): void {
    this.#partial?.end();
    this.#partial = undefined;
  }

  answered(exchange: Exchange): void {
    if (this.#isParsing || this.#pending[0] !== exchange) return;
    if (this.#pending.length === 1) {
      this.#flush();
    } else if (!this.#isFlushScheduled) {
      // Others of this turn may follow, and go into the same write.
      this.#isFlushScheduled = true;
      process.nextTick(() => {
        this.#isFlushScheduled = false;
        this.#flush();
      });
    }
  }

  /** Writes the answers whose turn it is. */
  #flush(): void {
    const pending = this.#pending;
    let count = 0;
    while (count < pending.length && pending[count]?.reply !== undefined) count++;
    if (count === 0) return;
    const isLast =
      count === pending.length &&
      this.#state === 'reading' &&
      (this.#isHalfClosed || this.#context.isClosing());
    try {
      this.#write(count, isLast);
    } catch (error) {
      this.#context.failed('reply failed', error);
      this.drop();
      return;
    }
    this.#movedAt = this.#context.now();
    if (this.#socket.writableNeedDrain) this.#countUnread();
    if (isLast) this.#end();
    else this.#goOn();
  }

  /** Takes the first exchanges off the queue and writes their answers. */
  #write(count: number, isLast: boolean): void {
    const { budget, renderer } = this.#context;
    const socket = this.#socket;
    if (count > 1) socket.cork();
    for (let i = 1; i <= count; i++) {
      const exchange = this.#pending.shift() as Exchange;
      budget.give(exchange.charge);
      this.#charged -= exchange.charge;
      const reply = exchange.reply as HttpReply;
      socket.write(renderer.render(reply, isLast && i === count));
      if (!isRenderedWhole(reply)) socket.write(reply.body);
    }
    if (count > 1) socket.uncork();
  }

  /** What comes after an answer was written, or read by the client. */
  #goOn(): void {
    if (this.#state === 'leaving') {
      if (this.#pending.length > 0 || this.#unread > 0) return;
      this.#detach();
      this.#context.handOver(this.#socket);
    } else if (this.#isFull && this.#state === 'reading' && !this.#mustWait()) {
      this.#isFull = false;
      this.#socket.resume();
    }
  }

  #countUnread(): void {
    const { writableLength } = this.#socket;
    this.#context.budget.force(writableLength - this.#unread);
    this.#unread = writableLength;
    // The socket's own timer sees whether the client reads anything, however slowly.
    if (writableLength === 0) return;
    this.#socket.setTimeout(this.#context.limits.stallTimeoutMs);
    this.#isHurried = false;
    this.#hurryIfTight();
  }

  #hurryIfTight(): void {
    const { budget, limits } = this.#context;
    if (this.#isHurried || !budget.isTight) return;
    this.#isHurried = true;
    this.#socket.setTimeout(limits.tightStallTimeoutMs);
  }

  #drained(): void {
    if (this.#unread === 0) return;
    this.#context.budget.give(this.#unread);
    this.#unread = 0;
    this.#movedAt = this.#context.now();
    this.#socket.setTimeout(0);
    this.#goOn();
  }

  #endOfInput(): void {
    this.#isHalfClosed = true;
    if (this.#state !== 'reading' || this.#pending.length > 0) return;
    const partial = this.#partial;
    if (partial === undefined) this.#end();
    else if (partial.wanted === 0) this.#refuse(undefined);
    else this.drop();
  }

  /** Ends the connection with an answer to what is no request; `code` is node:http's. */
  #refuse(code: string | undefined): void {
    this.#socket.write(this.#context.refusal(refusalOf(code)), 'latin1');
    this.#end();
  }

  #end(): void {
    this.#state = 'ending';
    this.#dropPartial();
    this.#movedAt = this.#context.now();
    this.#socket.end();
    this.#socket.resume();
  }

  /** Ends the connection at once. */
  drop(): void {
    this.#detach();
    this.#socket.on('error', this.#onError).destroy();
  }

  /** Ends the connection if nothing is under way on it. */
  dropIfIdle(): void {
    if (this.#isIdle()) this.drop();
  }

  #isIdle(): boolean {
    return (
      this.#state === 'reading' &&
      this.#pending.length === 0 &&
      this.#partial === undefined &&
      this.#unread === 0 &&
      !this.#isFull
    );
  }

  /** Holds the connection to its limits of time; called in every step of the sweep, with the time rounded down. */
  sweep(now: number): void {
    const { limits } = this.#context;
    if (this.#unread > 0) this.#hurryIfTight();
    const still = now - this.#movedAt;
    const partial = this.#partial;
    if (partial !== undefined) {
      const limit = partial.wanted === 0 ? limits.headersTimeoutMs : limits.requestTimeoutMs;
      if (now - partial.since > limit) this.#tooLate();
    } else if (this.#isIdle()) {
      if (!this.#isUsed && still > limits.headersTimeoutMs) this.#tooLate();
      else if (this.#isUsed && still > limits.keepAliveTimeoutMs) this.drop();
    } else if (this.#state === 'ending') {
      if (this.#unread === 0 && still > limits.drainTimeoutMs) this.drop();
    } else if (this.#unread === 0 && still > limits.stallTimeoutMs) {
      this.drop();
    }
  }

  #tooLate(): void {
    if (this.#pending.length > 0) this.drop();
    else this.#refuse('ERR_HTTP_REQUEST_TIMEOUT');
  }

  /** Gives everything back that the connection has taken; harmless when repeated. */
  #detach(): void {
    if (this.#state === 'gone') return;
    this.#state = 'gone';
    const socket = this.#socket;
    socket.off('data', this.#onData).off('end', this.#onEnd).off('drain', this.#onDrain);
    socket.off('close', this.#onClosed).off('timeout', this.#onTimeout).off('error', this.#onError);
    socket.setTimeout(0);
    this.#dropPartial();
    this.#context.budget.give(this.#charged + this.#unread);
    this.#charged = 0;
    this.#unread = 0;
    this.#pending.length = 0;
    this.#context.forget(this);
  }
}
