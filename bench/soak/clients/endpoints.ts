import type { ClusterStatus } from '../../../src/node/index.ts';

const LOOK_MS = 1_000;
const PATIENCE_MS = 3_000;

/** The nodes that clients know of. Once a second any of them is asked who is there: a list that is kept up to date. */
export class Endpoints {
  #ports: readonly number[];
  #turn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.#look();
  }

  /** Clients are spread over the nodes; each goes on to the next one with every `moves`. */
  portFor(client: number, moves: number): number {
    return this.#ports[(client + moves) % this.#ports.length] as number;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #look(): void {
    this.#timer = setTimeout(async () => {
      await this.#learn().catch(() => {});
      this.#look();
    }, LOOK_MS);
  }

  async #learn(): Promise<void> {
    const port = this.portFor(0, this.#turn++);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const answer = await fetch(`http://127.0.0.1:${port}/_flotilla/status`, { signal });
    const { nodes } = (await answer.json()) as ClusterStatus;
    const ports = nodes
      .filter(({ state }) => state !== 'down')
      .map(({ http }) => Number(http.slice(http.lastIndexOf(':') + 1)));
    if (ports.length > 0) this.#ports = ports;
  }
}
