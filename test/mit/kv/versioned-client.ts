import { utf8Text } from '../../../src/bytes/index.ts';
import {
  type AttributeValue,
  encodeStoredItem,
  storageKey,
  type WriteOperation,
  type WriteOutcome,
} from '../../../src/item/index.ts';
import type { Router } from '../../../src/router/index.ts';
import {
  type Operation,
  SimRandom,
  type Versioned,
  type VersionedInput,
  type VersionedOutput,
} from '../../../src/sim/index.ts';
import { decodeResult, encodeCommand } from '../../../src/store/index.ts';
import { keyOf } from '../../support/world.ts';
import { GROUP } from '../group/server.ts';
import { type KvCluster, TABLE } from './cluster.ts';
import { SHARD } from './service.ts';

const RETRY_PAUSE_MS = 20;
const TRY_MS = 1000;
const PATIENCE_MS = 8000;

export type VersionedHistories = Map<string, Operation<VersionedInput, VersionedOutput>[]>;

export type PutResult = 'ok' | 'wrong-version' | 'no-key' | 'maybe';

/** How one try ends: `unknown`, it may have taken effect; `refused`, it did not and says nothing. */
type TryResult = Exclude<PutResult, 'maybe'> | 'unknown' | 'refused';

export interface VersionedClientOptions {
  /**
   * `router`: the product's, which knows its own requests again (§11.4). `bare`: each try is a request of its own, so that only the
   * versions keep a put from happening twice (§11.2).
   */
  readonly by: 'router' | 'bare';
  readonly reaches?: readonly number[];
  readonly histories?: VersionedHistories;
}

const S = (value: string): AttributeValue => ({ type: 'S', value });
const N = (value: number): AttributeValue => ({ type: 'N', value: String(value) });

/** Versioned get and put of §11.2 as conditional puts of the product. Calls come back when they are done. */
export class VersionedClient {
  readonly name: string;
  readonly #cluster: KvCluster;
  readonly #options: VersionedClientOptions;
  readonly #router: Router;
  readonly #ask: ReturnType<KvCluster['newClient']>['ask'];
  readonly #random: SimRandom;
  /** Of a bare client: the server that answered last, and the time that it told. */
  #server = 0;
  #sessionTime = 0;

  constructor(cluster: KvCluster, options: VersionedClientOptions) {
    const { name, router, ask } = cluster.newClient(options.reaches);
    this.name = name;
    this.#cluster = cluster;
    this.#options = options;
    this.#router = router;
    this.#ask = ask;
    this.#random = new SimRandom(cluster.random.uint32(), `tries of ${name}`);
  }

  reach(servers?: readonly number[]): void {
    this.#cluster.reach(this.name, servers);
  }

  async get(key: string): Promise<Versioned> {
    const calledAt = this.#cluster.stamp();
    for (;;) {
      const found = await this.#router.read(TABLE, keyOf(key), true);
      if (found.kind === 'found') {
        const stored = found.item ? versionedOf(found.item.json) : { value: '', version: 0 };
        this.#record(key, { kind: 'get' }, { kind: 'value', ...stored }, calledAt);
        return stored;
      }
      await this.#cluster.sleep(RETRY_PAUSE_MS);
    }
  }

  /** Version 0 creates. `maybe`: a try may have been the one that succeeded. */
  async put(key: string, value: string, version: number): Promise<PutResult> {
    const calledAt = this.#cluster.stamp();
    const operation = putOf(key, value, version);
    let uncertain = false;
    for (;;) {
      const tried =
        this.#options.by === 'router'
          ? await this.#tryByRouter(key, operation)
          : await this.#tryOnce(key, operation);
      if (tried !== 'unknown' && tried !== 'refused') {
        const result = tried === 'wrong-version' && uncertain ? 'maybe' : tried;
        const output = result === 'no-key' ? 'wrong-version' : result;
        this.#record(key, { kind: 'put', value, version }, { kind: output }, calledAt);
        return result;
      }
      if (tried === 'unknown') uncertain = true;
      await this.#cluster.sleep(RETRY_PAUSE_MS);
    }
  }

  async #tryByRouter(key: string, operation: WriteOperation): Promise<TryResult> {
    const outcome = await this.#router.write(TABLE, keyOf(key), operation);
    switch (outcome.kind) {
      case 'written':
      case 'condition-failed':
        return resultOf(outcome, operation);
      case 'unavailable':
        return 'unknown';
      case 'overloaded':
        return 'refused';
      default:
        throw new Error(JSON.stringify(outcome));
    }
  }

  async #tryOnce(key: string, operation: WriteOperation): Promise<TryResult> {
    const command = encodeCommand({
      kind: 'write',
      router: this.#random.uint32(),
      sequence: 1,
      lowestUnanswered: 1,
      deadline: this.#sessionTime + PATIENCE_MS,
      shard: SHARD.shard,
      epoch: SHARD.epoch,
      retry: undefined,
      key: storageKey(TABLE.id, keyOf(key)),
      operation,
    });
    const reply = await this.#ask(this.#server, { kind: 'write', group: GROUP, command }, TRY_MS);
    if (reply.kind === 'unknown') return 'unknown';
    if (reply.kind !== 'result') {
      this.#server = (this.#server + 1) % this.#cluster.n;
      return 'refused';
    }
    const result = decodeResult(reply.result);
    this.#sessionTime = result.sessionTime;
    return result.kind === 'done' && result.outcome
      ? resultOf(result.outcome, operation)
      : 'refused';
  }

  #record(key: string, input: VersionedInput, output: VersionedOutput, calledAt: number): void {
    const { histories } = this.#options;
    if (!histories) return;
    let history = histories.get(key);
    if (!history) {
      history = [];
      histories.set(key, history);
    }
    const returnedAt = this.#cluster.stamp();
    history.push({ client: this.name, input, output, calledAt, returnedAt });
  }
}

function putOf(key: string, value: string, version: number): WriteOperation {
  const path = ['n'] as const;
  return {
    kind: 'put',
    item: encodeStoredItem(
      new Map([
        ['pk', S(key)],
        ['v', S(value)],
        ['n', N(version + 1)],
      ]),
    ),
    returnValues: 'NONE',
    condition:
      version === 0
        ? { kind: 'attribute_not_exists', path }
        : {
            kind: 'compare',
            comparator: '=',
            left: { kind: 'path', path },
            right: { kind: 'value', value: N(version) },
          },
    returnItemOnConditionFailure: true,
  };
}

function resultOf(outcome: WriteOutcome, { condition }: WriteOperation): TryResult {
  if (outcome.kind === 'written') return 'ok';
  if (outcome.kind === 'invalid') throw new Error(outcome.message);
  const isThere = outcome.item !== undefined;
  return !isThere && condition?.kind === 'compare' ? 'no-key' : 'wrong-version';
}

function versionedOf(json: Uint8Array): Versioned {
  const { v, n } = JSON.parse(utf8Text(json)) as { v: { S: string }; n: { N: string } };
  return { value: v.S, version: Number(n.N) };
}
