import { utf8, utf8Text } from '../../bytes/index.ts';
import { type ApiRequest, type ApiResponse, handle } from '../../dynamodb/index.ts';
import type { Machine } from '../machine.ts';
import type { SimRandom } from '../random.ts';
import type { World } from '../world.ts';

/** Longer than a router tries, in milliseconds: then the node has died with the request. */
const TIMEOUT_MS = 9_000;
/** A request is sent again as an SDK does it, under the same id, for as long; then nobody knows what became of it. */
const PATIENCE_MS = 40_000;
const RETRY_MS = [50, 500] as const;

export interface Request {
  readonly operation: string;
  readonly body: Uint8Array;
}

/** How a request ended: with an answer; refused, so that nothing was done; or nobody knows. */
export type Ending = ApiResponse | 'refused' | 'unknown';

export function isAnswered(ending: Ending): ending is ApiResponse {
  return ending !== 'refused' && ending !== 'unknown';
}

export function requestOf(operation: string, parameters: object): Request {
  return { operation, body: utf8(JSON.stringify(parameters)) };
}

/** The body of an answer that must be none but a good one. */
export function parsed<Body>(response: ApiResponse): Body {
  assertDone(response);
  return JSON.parse(utf8Text(response.body)) as Body;
}

/** Of a write there is nothing to see but that it was done. */
export function assertDone({ error, body }: ApiResponse): void {
  if (error !== undefined) {
    throw new Error(`a request was answered with ${error}: ${utf8Text(body)}`);
  }
}

/** Sends requests to the nodes of a world, as SDKs do, until they are answered. */
export class Requests {
  /** How tries ended. */
  readonly outcomes = new Map<string, number>();
  /** How many requests were answered, by operation. */
  readonly answered = new Map<string, number>();
  readonly #world: World;
  #stopped = false;

  constructor(world: World) {
    this.#world = world;
  }

  /** How many tries got no answer. */
  get lost(): number {
    return this.outcomes.get('lost') ?? 0;
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  /** What was never done is not tried any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Sends a request to some node; half of them as SDKs do, again to others under the same id until it is answered (F40). */
  async send({ operation, body }: Request, random: SimRandom): Promise<Ending> {
    const { time } = this.#world;
    const invocationId = random.once(2) ? uuid(random) : undefined;
    const until = time.now + PATIENCE_MS;
    let mayBeDone = false;
    while (time.now < until) {
      const machine = random.pick(this.#world.machines);
      if (machine.router && machine.isRunning) {
        const request = { target: `DynamoDB_20120810.${operation}`, invocationId, body };
        const response = await this.#ask(machine, request);
        if (response && response.status < 500 && !isRefusal(response)) {
          countIn(this.outcomes, 'answered');
          countIn(this.answered, operation);
          return response;
        }
        countIn(this.outcomes, response ? (response.error as string) : 'lost');
        if (!response || !isRefusal(response)) mayBeDone = true;
      }
      if (this.#stopped && !mayBeDone) return 'refused';
      // Without an id to send it again under, a second try could take effect beside the first.
      if (mayBeDone && invocationId === undefined) return 'unknown';
      await this.sleep(random.between(...RETRY_MS));
    }
    return mayBeDone ? 'unknown' : 'refused';
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#world.time.after(delayMs, resolve));
  }

  /**
   * The request is handled when the process of the node gets to read it: not during a pause. Undefined when no answer comes.
   */
  #ask({ name, process, router }: Machine, request: ApiRequest): Promise<ApiResponse | undefined> {
    return new Promise((resolve, reject) => {
      const timeout = this.#world.time.after(TIMEOUT_MS, () => resolve(undefined));
      const answer = (response: ApiResponse) => {
        timeout.cancel();
        resolve(response);
      };
      process?.schedule('io', 0, () => {
        if (router) handle(request, { database: router, address: name }).then(answer, reject);
      });
    });
  }
}

function countIn(counts: Map<string, number>, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

/** As SDKs draw them. */
function uuid(random: SimRandom): string {
  const word = () => random.uint32().toString(16).padStart(8, '0');
  const [second, third] = [word(), word()];
  const middle = `${second.slice(0, 4)}-${second.slice(4)}-${third.slice(0, 4)}-${third.slice(4)}`;
  return `${word()}-${middle}${word()}`;
}

/** Nothing was done, and it may be asked again. */
function isRefusal({ error }: ApiResponse): boolean {
  return error === 'ThrottlingException';
}
