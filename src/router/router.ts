import { toHex } from '../bytes/index.ts';
import type {
  ClusterMap,
  GroupId,
  ShardRecord,
  Table,
  TableId,
  TableSpec,
} from '../controller/index.ts';
import {
  type ItemKey,
  type PageOperation,
  type PageOutcome,
  storageKey,
  type WriteOperation,
  type WriteOutcome,
} from '../item/index.ts';
import { type Buggify, type Clock, NEVER, type Random } from '../ports/index.ts';
import { decodeResult, encodeCommand, type GroupReply, type RetryToken } from '../store/index.ts';
import { Attempts } from './attempts.ts';
import type { Cluster } from './cluster.ts';
import { CommandSequence } from './command-sequence.ts';
import { ControllerClient } from './controller-client.ts';
import { GroupClient } from './group-client.ts';
import {
  afterPiece,
  firstPiece,
  joinPages,
  type PagePart,
  type Piece,
  withinTable,
} from './page-parts.ts';
import { SessionTimes } from './session-times.ts';
import type {
  CreateTableOutcome,
  Database,
  DeleteTableOutcome,
  Failure,
  Found,
  Page,
  TableStatistics,
} from './types.ts';

const UNAVAILABLE: Failure = {
  kind: 'unavailable',
  message: 'The request was not answered in time. It may have been carried out or not; try again.',
};
const OVERLOADED: Failure = {
  kind: 'overloaded',
  message: 'The server is overloaded and refused the request. Nothing was done; try again.',
};
const NO_TABLE: Failure = { kind: 'no-table', message: 'The table does not exist.' };

/** DynamoDB allows 2 MB of expression values; an item and they fit, and so does the entry in a segment of the log. */
const COMMAND_BYTES_MAX = 3 * 1024 * 1024;
const TOO_LARGE: WriteOutcome = {
  kind: 'invalid',
  message: 'The item and the values of the expressions together exceed 3 MB.',
};

/** How a try ends: with the request, or why it needs another try. */
type Verdict<T> =
  | { readonly kind: 'answer'; readonly answer: T }
  /** The map is old. */
  | { readonly kind: 'stale' }
  /** Nothing was done; with a pause unless somebody said who leads. */
  | { readonly kind: 'elsewhere' }
  | { readonly kind: 'again' };

/** A question that is on its way, or a verdict without one. */
type Asked<T> = Promise<GroupReply> | Verdict<T>;

const STALE: Verdict<never> = { kind: 'stale' };

/** The database on top of all groups: finds each key's shard and group, and tries until it is answered. */
export class Router implements Database {
  readonly #groups: GroupClient;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #buggify: Buggify;
  readonly #controller: ControllerClient;
  readonly #sequence = new CommandSequence();
  readonly #times: SessionTimes;
  /** A random number below 2^53 that names this router's session in every group. */
  readonly #id: number;

  constructor(cluster: Cluster, clock: Clock, random: Random, buggify: Buggify = NEVER) {
    this.#groups = new GroupClient(cluster);
    this.#clock = clock;
    this.#random = random;
    this.#buggify = buggify;
    this.#controller = new ControllerClient(cluster, clock, random, buggify);
    this.#times = new SessionTimes(clock);
    this.#id = (random.uint32() >>> 11) * 0x1_0000_0000 + random.uint32();
  }

  findTable(name: string, gone?: TableId): Table | Promise<Table | Failure> {
    const table = this.#groups.routing.table(name);
    const isIt = table?.status === 'ACTIVE' && table.id !== gone;
    return isIt ? table : this.#findInFreshMap(name);
  }

  async write(
    table: Table,
    key: ItemKey,
    operation: WriteOperation,
    retry?: RetryToken,
  ): Promise<WriteOutcome | Failure> {
    const sequence = this.#sequence.begin();
    const keyBytes = storageKey(table.id, key);
    let group: GroupId = 0;
    // Once a try may have taken effect, "nothing was done" is no longer true.
    let uncertain = false;
    const ask = (attempts: Attempts): Asked<WriteOutcome> => {
      const shard = this.#shardOf(table, key, attempts);
      if (!shard) return STALE;
      group = shard.group;
      const command = encodeCommand({
        kind: 'write',
        router: this.#id,
        sequence,
        lowestUnanswered: this.#sequence.lowestUnanswered,
        deadline: this.#times.deadline(group, attempts.remainingMs),
        shard: shard.id,
        epoch: shard.epoch,
        retry,
        key: keyBytes,
        operation,
      });
      if (command.length > COMMAND_BYTES_MAX) return { kind: 'answer', answer: TOO_LARGE };
      return this.#groups.askLeader({ kind: 'write', group, command }, attempts);
    };
    const judge = (reply: GroupReply, attempts: Attempts): Verdict<WriteOutcome | Failure> => {
      this.#groups.learnLeader(group, reply, attempts);
      if (reply.kind === 'unknown') uncertain = true;
      if (reply.kind === 'overloaded' && uncertain) return { kind: 'again' };
      if (reply.kind !== 'result') return verdictOf(reply);
      const result = decodeResult(reply.result);
      this.#times.learn(group, result.sessionTime);
      switch (result.kind) {
        case 'done':
          if (!result.outcome) throw new Error(`a write was answered without an outcome`);
          return { kind: 'answer', answer: result.outcome };
        case 'wrong-shard':
          return STALE;
        case 'expired':
          return { kind: 'elsewhere' };
        case 'sessions-full':
          return uncertain ? { kind: 'again' } : { kind: 'answer', answer: OVERLOADED };
        case 'answered':
          throw new Error(`command ${sequence} of router ${this.#id} was never answered here`);
      }
    };
    try {
      return await this.#try(table, ask, judge);
    } finally {
      this.#sequence.end(sequence);
    }
  }

  read(table: Table, key: ItemKey, consistent: boolean): Promise<Found | Failure> {
    const keyBytes = storageKey(table.id, key);
    let group: GroupId = 0;
    const ask = (attempts: Attempts): Asked<Found> => {
      const shard = this.#shardOf(table, key, attempts);
      if (!shard) return STALE;
      const { id, epoch } = shard;
      group = shard.group;
      const request = { kind: 'read', group, shard: id, epoch, key: keyBytes, consistent } as const;
      return this.#groups.askReplica(request, attempts);
    };
    const judge = (reply: GroupReply, attempts: Attempts): Verdict<Found | Failure> => {
      this.#groups.learnFromReplica(group, reply, attempts);
      return foundIn(reply);
    };
    return this.#try(table, ask, judge);
  }

  async page(table: Table, operation: PageOperation, consistent: boolean): Promise<Page | Failure> {
    const pages: PageOutcome[] = [];
    let rest = withinTable(table.id, operation);
    while (rest) {
      const part: PagePart | Failure = await this.#pagePart(table, rest, consistent);
      if (part.kind !== 'part') return part;
      pages.push(part.page);
      rest = afterPiece(rest, part);
    }
    return { kind: 'page', ...joinPages(pages) };
  }

  async createTable(spec: TableSpec): Promise<CreateTableOutcome> {
    const outcome = await this.#controller.command({
      kind: 'create-table',
      spec,
      uuid: this.#uuid(),
      createdAt: this.#clock.wall(),
    });
    if (!outcome) return UNAVAILABLE;
    if (outcome.kind === 'created' || outcome.kind === 'exists') return outcome;
    throw new Error(`create-table was answered with ${outcome.kind}`);
  }

  async deleteTable(name: string): Promise<DeleteTableOutcome> {
    const table = await this.describeTable(name);
    if ('message' in table) return table;
    const command = { kind: 'delete-table', table: table.id, deletion: this.#uuid() } as const;
    const outcome = await this.#controller.command(command);
    if (!outcome) return UNAVAILABLE;
    switch (outcome.kind) {
      case 'deleting':
      case 'busy':
      case 'protected':
        return outcome;
      case 'no-table':
        return NO_TABLE;
      default:
        throw new Error(`delete-table was answered with ${outcome.kind}`);
    }
  }

  async describeTable(name: string): Promise<Table | Failure> {
    const map = await this.#controller.refreshMap();
    if (!map) return UNAVAILABLE;
    return map.tables.find(({ spec }) => spec.name === name) ?? NO_TABLE;
  }

  async listTables(after: string | undefined, limit: number): Promise<readonly string[] | Failure> {
    const map = await this.#controller.refreshMap();
    if (!map) return UNAVAILABLE;
    // Table names are ASCII, so the order of UTF-16 units is the order of bytes.
    const names = map.tables.map(({ spec }) => spec.name).sort();
    return names.filter((name) => after === undefined || name > after).slice(0, limit);
  }

  async tableStatistics(table: Table): Promise<TableStatistics | Failure> {
    const groups = new Set(table.shards.map(({ group }) => group));
    let items = 0;
    let bytes = 0;
    for (const group of groups) {
      const attempts = new Attempts(this.#clock, this.#random);
      const request = { kind: 'statistics', group, table: table.id } as const;
      const reply = await this.#groups.askReplica(request, attempts);
      if (reply.kind !== 'statistics') return UNAVAILABLE;
      items += reply.items;
      bytes += reply.bytes;
    }
    return { kind: 'statistics', items, bytes };
  }

  async #findInFreshMap(name: string): Promise<Table | Failure> {
    const map: ClusterMap | undefined = await this.#controller.refreshMap();
    if (!map) return UNAVAILABLE;
    const table = map.tables.find(({ spec }) => spec.name === name);
    return table?.status === 'ACTIVE' ? table : NO_TABLE;
  }

  /** While a shard changes, who serves it and who will are asked by turns. */
  #shardOf(table: Table, { hash }: ItemKey, attempts: Attempts): ShardRecord | undefined {
    const { routing } = this.#groups;
    const route = routing.route(table.id, hash);
    attempts.changes(route?.changes ?? false);
    return (attempts.asksSuccessor ? routing.upcomingRoute(table.id, hash) : route)?.shard;
  }

  /** Tries as the newest map tells, until there is an answer, the table is gone, or time is over. */
  async #try<Answer>(
    table: Table,
    ask: (attempts: Attempts) => Asked<Answer | Failure>,
    judge: (reply: GroupReply, attempts: Attempts) => Verdict<Answer | Failure>,
  ): Promise<Answer | Failure> {
    const attempts = new Attempts(this.#clock, this.#random);
    while (attempts.remainingMs > 0) {
      const asked = ask(attempts);
      const verdict = asked instanceof Promise ? judge(this.#heard(await asked), attempts) : asked;
      if (verdict.kind === 'answer') return verdict.answer;
      if (verdict.kind === 'elsewhere' && attempts.mayHurry()) continue;
      if (verdict.kind === 'stale') {
        // A move, a split or a merge may be done before the map says so.
        if (attempts.refused()) continue;
        const map = await this.#controller.refreshMap();
        const status = map?.tables.find(({ id }) => id === table.id)?.status;
        if (map && status !== 'ACTIVE') return NO_TABLE;
      }
      await attempts.pause();
    }
    return UNAVAILABLE;
  }

  /** An answer may be lost on its way, however good it is. */
  #heard(reply: GroupReply): GroupReply {
    return this.#buggify('router: miss the answer') ? { kind: 'unknown' } : reply;
  }

  /** One shard's part of a page. */
  #pagePart(
    table: Table,
    operation: PageOperation,
    consistent: boolean,
  ): Promise<PagePart | Failure> {
    let piece: Piece | undefined;
    let group: GroupId = 0;
    const ask = (attempts: Attempts): Asked<PagePart> => {
      const { routing } = this.#groups;
      piece = firstPiece(routing.routes(table.id), table.id, operation);
      attempts.changes(piece?.route.changes ?? false);
      if (attempts.asksSuccessor) {
        piece = firstPiece(routing.upcoming(table.id), table.id, operation);
      }
      if (!piece) return STALE;
      const { route, from, to } = piece;
      const { id, epoch } = route.shard;
      group = route.shard.group;
      const query = { shard: id, epoch, operation: { ...operation, from, to } };
      return this.#groups.askReplica({ kind: 'page', group, query, consistent }, attempts);
    };
    const judge = (reply: GroupReply, attempts: Attempts): Verdict<PagePart | Failure> => {
      this.#groups.learnFromReplica(group, reply, attempts);
      if (reply.kind !== 'page') return verdictOf(reply);
      const { from, to } = piece as Piece;
      return { kind: 'answer', answer: { kind: 'part', page: reply.page, from, to } };
    };
    return this.#try(table, ask, judge);
  }

  #uuid(): string {
    const bytes = new Uint8Array(16);
    this.#random.fill(bytes);
    // Version 4, variant 1 (RFC 9562 section 5.4).
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
    return toHex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
}

function foundIn(reply: GroupReply): Verdict<Found | Failure> {
  if (reply.kind !== 'item') return verdictOf(reply);
  return { kind: 'answer', answer: { kind: 'found', item: reply.item } };
}

function verdictOf(reply: GroupReply): Verdict<Failure> {
  switch (reply.kind) {
    case 'not-leader':
      return { kind: reply.leader === '' ? 'again' : 'elsewhere' };
    case 'wrong-shard':
      return STALE;
    case 'overloaded':
      return { kind: 'answer', answer: OVERLOADED };
    case 'unknown':
      return { kind: 'again' };
    default:
      throw new Error(`a replica answered another question, with ${reply.kind}`);
  }
}
