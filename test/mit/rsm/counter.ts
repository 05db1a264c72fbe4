import { ByteReader, ByteWriter, utf8, utf8Text } from '../../../src/bytes/index.ts';
import type { Applied, StateMachine } from '../../../src/group/index.ts';
import { GroupCluster, type Service } from '../group/cluster.ts';

export type Request = 'inc' | 'null' | 'dec';

const KEY = utf8('counter');

/** The test's service of §11.3: a counter. `dec` must never be executed. */
export class Counter implements Service {
  value = 0;
  readonly machine: StateMachine = {
    restore: (state) => {
      const stored = state.get(KEY);
      this.value = stored ? new ByteReader(stored).u32() : 0;
    },
    apply: (data) => this.#apply(utf8Text(data) as Request),
    cacheWrites: () => [],
  };

  #apply(request: Request): Applied {
    if (request === 'dec') throw new Error('dec was executed');
    if (request === 'inc') this.value++;
    const result = new ByteWriter().u32(this.value).take();
    return { writes: request === 'inc' ? [{ key: KEY, value: result }] : [], result };
  }
}

/** The counter, or that it was not this server that could say: then nobody knows whether it was executed. */
export type Submitted = number | 'wrong-leader';

const CLIENT_MS_MAX = 10_000;
/** waitFor's back-off in all (§5.1). */
const WAIT_MS_MAX = 31_000;

export class CounterCluster extends GroupCluster<Counter> {
  readonly #all: readonly number[];
  #lastAnswered = 0;

  constructor(seed: number, stateBytesMax = -1, servers = 3) {
    super({ servers, members: 3, seed, stateBytesMax, service: () => new Counter() });
    this.#all = Array.from({ length: servers }, (_, i) => i);
  }

  submit(server: number, request: Request): Promise<Submitted> {
    return new Promise((resolve) => {
      const replica = this.server(server)?.replica;
      if (!replica) return resolve('wrong-leader');
      replica.propose(utf8(request), (outcome) =>
        resolve(outcome.kind === 'applied' ? new ByteReader(outcome.result).u32() : 'wrong-leader'),
      );
    });
  }

  /** A client that tries the servers in turn, beginning with the one that answered last. */
  async increment(among: readonly number[] = this.#all): Promise<number> {
    const until = this.time.now + CLIENT_MS_MAX;
    for (let i = this.#lastAnswered; this.time.now < until; i = (i + 1) % this.n) {
      if (!among.includes(i)) continue;
      const submitted = await this.submit(i, 'inc');
      if (submitted !== 'wrong-leader') {
        this.#lastAnswered = i;
        return submitted;
      }
      await this.sleep(10);
    }
    throw new Error('no server took it');
  }

  /** At least so many replicas come to have this value. */
  async expectCounter(value: number, count: number): Promise<void> {
    const having = () =>
      this.#all.filter((i) => this.server(i) && this.service(i)?.value === value).length;
    if (await this.comesToHold(() => having() >= count, WAIT_MS_MAX)) return;
    const values = this.#all.map((i) => this.service(i)?.value);
    throw new Error(`the counters are ${values.join(', ')}; ${count} should be ${value}`);
  }

  /** In good order: whoever waits is told. Then the processes end. */
  async shutDownAll(): Promise<void> {
    for (const server of this.running) server.shutDown();
    await this.sleep(1);
    this.crashAll();
  }
}
