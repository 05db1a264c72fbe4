import { utf8Text } from '../../../src/bytes/index.ts';
import type { Table } from '../../../src/controller/index.ts';
import {
  type AttributeValue,
  encodeStoredItem,
  type SetValue,
  type WriteOperation,
} from '../../../src/item/index.ts';
import type { Router } from '../../../src/router/index.ts';
import { type Operation, type RegisterInput, SimRandom } from '../../../src/sim/index.ts';
import { keyOf } from '../../support/world.ts';

const RETRY_PAUSE_MS = 20;
const TOKEN_BYTES = 16;

const S = (value: string): AttributeValue => ({ type: 'S', value });
const L = (...values: readonly string[]): AttributeValue => ({ type: 'L', value: values.map(S) });

/** Histories by key, for the check of §7. */
export type Histories = Map<string, Operation<RegisterInput, string>[]>;

/** What clients live in. */
export interface KvClients {
  readonly table: Table;
  readonly random: SimRandom;
  /** A client's way to the database: to these servers, or to all. */
  newClient(reaches?: readonly number[]): { readonly name: string; readonly router: Router };
  reach(client: string, servers?: readonly number[]): void;
  sleep(ms: number): Promise<void>;
  /** A number that is larger than all before. */
  stamp(): number;
}

export interface KvClientOptions {
  /** The servers that it reaches; all unless told. */
  readonly reaches?: readonly number[];
  /** What it does is recorded here. */
  readonly histories?: Histories;
  /**
   * False: requests have no retry tokens, which are kept for a minute, each; then an operation that takes longer than the router
   * tries is not known to have happened once.
   */
  readonly tokens?: boolean;
  /** Appends return the value before (§11.1). */
  readonly returnsOld?: boolean;
}

/**
 * Get, put and append of §4.2 as calls on the product's router: a value is a list of strings, so that to append is one update.
 * Calls come back when they are done, however long that takes, and take effect once (S1).
 */
export class KvClient {
  readonly name: string;
  readonly #cluster: KvClients;
  readonly #router: Router;
  readonly #random: SimRandom;
  readonly #options: KvClientOptions;

  constructor(cluster: KvClients, options: KvClientOptions = {}) {
    const { name, router } = cluster.newClient(options.reaches);
    this.name = name;
    this.#cluster = cluster;
    this.#router = router;
    this.#options = options;
    this.#random = new SimRandom(cluster.random.uint32(), `tokens of ${name}`);
  }

  reach(servers?: readonly number[]): void {
    this.#cluster.reach(this.name, servers);
  }

  get(key: string): Promise<string> {
    return this.#recorded(key, { kind: 'get' }, async () => {
      for (;;) {
        const found = await this.#router.read(this.#cluster.table, keyOf(key), true);
        if (found.kind === 'found') {
          return found.item ? textIn(found.item.json) : '';
        }
        await this.#cluster.sleep(RETRY_PAUSE_MS);
      }
    });
  }

  async put(key: string, value: string): Promise<void> {
    const list = value === '' ? L() : L(value);
    const item = encodeStoredItem(
      new Map([
        ['pk', S(key)],
        ['l', list],
      ]),
    );
    await this.#write(key, { kind: 'put', value }, { ...PLAIN, kind: 'put', item });
  }

  /** Acts as put on a key that is not there. Returns the value before, if this client asks for it. */
  async append(key: string, value: string): Promise<string> {
    const first: SetValue = {
      kind: 'if_not_exists',
      path: ['l'],
      otherwise: { kind: 'value', value: L() },
    };
    const second: SetValue = { kind: 'value', value: L(value) };
    return this.#write(
      key,
      { kind: 'append', value },
      {
        ...PLAIN,
        returnValues: this.#options.returnsOld ? 'UPDATED_OLD' : 'NONE',
        kind: 'update',
        key: new Map([['pk', S(key)]]),
        update: [{ kind: 'set', path: ['l'], value: { kind: 'list_append', first, second } }],
      },
    );
  }

  #write(key: string, input: RegisterInput, operation: WriteOperation): Promise<string> {
    return this.#recorded(key, input, async () => {
      const token = this.#options.tokens === false ? undefined : new Uint8Array(TOKEN_BYTES);
      if (token) this.#random.fill(token);
      for (;;) {
        const outcome = await this.#router.write(this.#cluster.table, keyOf(key), operation, token);
        if (outcome.kind === 'written') return outcome.attributes ? textIn(outcome.attributes) : '';
        if (!('message' in outcome) || outcome.kind === 'invalid') {
          throw new Error(`${input.kind} ${key}: ${JSON.stringify(outcome)}`);
        }
        if (!token && outcome.kind === 'unavailable') {
          throw new Error(`${input.kind} ${key}: it is not known whether it was done`);
        }
        await this.#cluster.sleep(RETRY_PAUSE_MS);
      }
    });
  }

  async #recorded(key: string, input: RegisterInput, work: () => Promise<string>): Promise<string> {
    const { histories } = this.#options;
    if (!histories) return work();
    const calledAt = this.#cluster.stamp();
    const output = await work();
    let history = histories.get(key);
    if (!history) {
      history = [];
      histories.set(key, history);
    }
    const returnedAt = this.#cluster.stamp();
    history.push({ client: this.name, input, output, calledAt, returnedAt });
    return output;
  }
}

/** Of an item, or of as much of it as an update returns. */
function textIn(json: Uint8Array): string {
  const { l } = JSON.parse(utf8Text(json)) as { l?: { L: { S: string }[] } };
  return (l?.L ?? []).map(({ S: text }) => text).join('');
}

const PLAIN = {
  returnValues: 'NONE',
  condition: undefined,
  returnItemOnConditionFailure: false,
} as const;
