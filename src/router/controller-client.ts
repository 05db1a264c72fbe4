import type {
  ClusterMap,
  ConfigNumber,
  Configuration,
  ControllerCommand,
  ControllerOutcome,
  ControllerReply,
  ControllerRequest,
  NodeName,
} from '../controller/index.ts';
import { controllersOf } from '../controller/index.ts';
import { type Buggify, type Clock, NEVER, type Random } from '../ports/index.ts';
import { Attempts } from './attempts.ts';
import type { Cluster } from './cluster.ts';

/** How late a command may come that was asked again elsewhere meanwhile: no connection is kept in silence for longer. Milliseconds. */
const LATE_MS = 5_000;

/** Asks the controller's leader, wherever it is, until it answers or the request's time is over. */
export class ControllerClient {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #buggify: Buggify;
  #leader: NodeName | undefined;
  #refresh: Promise<ClusterMap | undefined> | undefined;

  constructor(cluster: Cluster, clock: Clock, random: Random, buggify: Buggify = NEVER) {
    this.#cluster = cluster;
    this.#clock = clock;
    this.#random = random;
    this.#buggify = buggify;
  }

  /** Commands are idempotent, so an unknown outcome is asked for again. */
  async command(command: ControllerCommand): Promise<ControllerOutcome | undefined> {
    const reply = await this.#ask({ kind: 'command', command });
    if (this.#buggify('router: tell the controller again')) {
      const lateMs = this.#random.uint32() % LATE_MS;
      this.#clock.after(lateMs, () => void this.#ask({ kind: 'command', command }));
    }
    return reply?.kind === 'outcome' ? reply.outcome : undefined;
  }

  /**
   * A configuration by its number, with -1 the newest as of a moment not before the call; where there is none, the reason in one
   * line. Undefined when nobody answered.
   */
  async query(number: ConfigNumber): Promise<Configuration | string | undefined> {
    const reply = await this.#ask({ kind: 'query', number });
    if (reply?.kind === 'no-configuration') return reply.reason;
    return reply?.kind === 'configuration' ? reply.configuration : undefined;
  }

  /** A map that is not older than the call. Calls that come before a question has left share it. */
  refreshMap(): Promise<ClusterMap | undefined> {
    this.#refresh ??= new Promise((resolve) => {
      this.#clock.endOfTurn(() => {
        this.#refresh = undefined;
        resolve(this.#freshMap());
      });
    });
    return this.#refresh;
  }

  async #freshMap(): Promise<ClusterMap | undefined> {
    const reply = await this.#ask({ kind: 'map', consistent: true });
    if (reply?.kind !== 'map') return undefined;
    this.#cluster.learnMap(reply.map);
    return reply.map;
  }

  async #ask(request: ControllerRequest): Promise<ControllerReply | undefined> {
    const attempts = new Attempts(this.#clock, this.#random);
    while (attempts.remainingMs > 0) {
      const node = attempts.next(this.#leader, controllersOf(this.#cluster.map));
      if (node !== undefined) {
        const reply = await this.#cluster.askController(node, request, attempts.tryTimeoutMs);
        if (reply.kind !== 'not-leader' && reply.kind !== 'unavailable') {
          this.#leader = node;
          return reply;
        }
        this.#leader =
          reply.kind === 'not-leader' && reply.leader !== '' ? reply.leader : undefined;
        if (this.#leader !== undefined) {
          attempts.redirect(this.#leader);
          if (attempts.mayHurry()) continue;
        }
      }
      await attempts.pause();
    }
    return undefined;
  }
}
