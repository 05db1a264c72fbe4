import { type SimProcess, SimRandom, type VirtualTime } from '../../../src/sim/index.ts';

/** How a call ends: with the reply, or without anybody being told why (§2). */
export type CallResult<Reply> = { readonly reply: Reply } | 'failed';

/** What handles the calls of one life of a server. */
export interface Endpoint<Request, Reply> {
  readonly process: SimProcess;
  handle(request: Request, reply: (reply: Reply) => void): void;
}

export type Latency = readonly [min: number, max: number];

/** Milliseconds of one way at best: time must cost something (§12.1). */
export const LATENCY_MS: Latency = [2, 6];
const DEAD_LINK_MS_MAX = 100;
const UNRELIABLE_DELAY_MS_MAX = 27;
const LOST_ONCE_IN = 10;
const LOOK_MS = 100;

/** The calls of §2: from clients to servers, and from server to server. Names are those of the ends. */
export class Calls<Request, Reply> {
  unreliable = false;
  readonly #time: VirtualTime;
  readonly #random: SimRandom;
  readonly #endpoints = new Map<string, Endpoint<Request, Reply>>();
  readonly #latencyMs: Latency;
  readonly #isEnabled: (from: string, to: string) => boolean;

  constructor(
    time: VirtualTime,
    seed: number,
    isEnabled: (from: string, to: string) => boolean,
    latencyMs: Latency = LATENCY_MS,
  ) {
    this.#time = time;
    this.#latencyMs = latencyMs;
    this.#random = new SimRandom(seed, 'calls');
    this.#isEnabled = isEnabled;
  }

  serve(name: string, endpoint: Endpoint<Request, Reply> | undefined): void {
    if (endpoint) this.#endpoints.set(name, endpoint);
    else this.#endpoints.delete(name);
  }

  /** Never rejects. `timeoutMs` ends what the original would wait for. */
  call(from: string, to: string, request: Request, timeoutMs: number): Promise<CallResult<Reply>> {
    return new Promise((resolve) => {
      const random = this.#random;
      const endpoint = this.#endpoints.get(to);
      let isOver = false;
      const end = (result: CallResult<Reply>) => {
        isOver = true;
        resolve(result);
      };
      const isAlive = () =>
        this.#isEnabled(from, to) && this.#endpoints.get(to) === endpoint && endpoint !== undefined;
      if (!isAlive()) {
        this.#time.after(random.below(DEAD_LINK_MS_MAX), () => end('failed'));
        return;
      }
      this.#time.after(timeoutMs, () => end('failed'));
      let delay = random.between(...this.#latencyMs);
      if (this.unreliable) delay += random.below(UNRELIABLE_DELAY_MS_MAX);
      const isLost = this.unreliable && random.once(LOST_ONCE_IN);
      this.#time.after(delay, () => {
        if (isLost) return end('failed');
        endpoint?.process.schedule('io', 0, () =>
          endpoint.handle(request, (reply) => {
            if (isOver) return;
            if (!isAlive()) return end('failed');
            if (this.unreliable && random.once(LOST_ONCE_IN)) return end('failed');
            this.#time.after(random.between(...this.#latencyMs), () => end({ reply }));
          }),
        );
        this.#watch(
          () => isOver,
          isAlive,
          () => end('failed'),
        );
      });
    });
  }

  /** While the handler works, the link may be cut or the server replaced. */
  #watch(isOver: () => boolean, isAlive: () => boolean, fail: () => void): void {
    this.#time.after(LOOK_MS, () => {
      if (isOver()) return;
      if (isAlive()) this.#watch(isOver, isAlive, fail);
      else fail();
    });
  }
}
