import { acceptsGzip, compressed, wantsCompression } from './compression.ts';
import { headerIn } from './head-parser.ts';
import type { HeaderName, HttpReply, HttpRequest, Responder } from './request.ts';

/** Who waits for the answer to a request of the fast path. */
export interface ExchangeOwner {
  /** The exchange has its reply, as it goes over the wire. */
  answered(exchange: Exchange): void;
}

const NOTHING = new Uint8Array();

/** A request of the fast path and, later, the answer to it. */
export class Exchange implements HttpRequest, Responder {
  /** Bytes that are taken from the budget until the answer is written. */
  readonly charge: number;
  readonly #owner: ExchangeOwner;
  readonly #head: string;
  readonly #spans: readonly number[];
  #body: Uint8Array;
  #isAnswered = false;
  #reply: HttpReply | undefined;

  constructor(
    owner: ExchangeOwner,
    head: string,
    spans: readonly number[],
    body: Uint8Array,
    charge: number,
  ) {
    this.#owner = owner;
    this.#head = head;
    this.#spans = spans;
    this.#body = body;
    this.charge = charge;
  }

  get method(): string {
    return 'POST';
  }

  get path(): string {
    return '/';
  }

  get query(): string {
    return '';
  }

  get body(): Uint8Array {
    return this.#body;
  }

  header(name: HeaderName): string | undefined {
    return headerIn(this.#head, this.#spans, name);
  }

  /** To be called when the handler has returned: the chunk that the body lies in may be large. */
  releaseBody(): void {
    this.#body = NOTHING;
  }

  /** Undefined until the answer can be written. */
  get reply(): HttpReply | undefined {
    return this.#reply;
  }

  respond(reply: HttpReply): void {
    if (this.#isAnswered) throw new Error('a request was answered twice');
    this.#isAnswered = true;
    if (wantsCompression(reply) && acceptsGzip(this.header('accept-encoding'))) {
      compressed(reply).then(
        (smaller) => this.#settle(smaller),
        () => this.#settle(reply),
      );
    } else {
      this.#settle(reply);
    }
  }

  #settle(reply: HttpReply): void {
    this.#reply = reply;
    this.#owner.answered(this);
  }
}
