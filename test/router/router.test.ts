import { describe, expect, test } from 'vitest';
import { compareBytes } from '../../src/bytes/index.ts';
import { hashBound, hashFromHex, type PageOutcome, tableEnd } from '../../src/item/index.ts';
import { LeaderClient, REQUEST_TIMEOUT_MS, RoutingTable } from '../../src/router/index.ts';
import { SimRandom } from '../../src/sim/index.ts';
import {
  decodeCommand,
  encodeCommand,
  type GroupReply,
  stampCommand,
} from '../../src/store/index.ts';
import { keyOf, putOf, wholeTable } from '../support/world.ts';
import { done, FakeCluster, mapOf, tableOf } from './fake-cluster.ts';

const NOT_LEADER: GroupReply = { kind: 'not-leader', leader: '' };

function cluster(table = tableOf(1)) {
  const fake = new FakeCluster(mapOf(1, [table]));
  fake.leader = 'n2';
  return {
    fake,
    table,
    put: () => fake.settle(fake.router.write(table, keyOf('a'), putOf('a', 'v'))),
  };
}

describe('routing', () => {
  test('[F38] every hash has its shard, the bounds included', () => {
    const table = tableOf(1);
    const routing = new RoutingTable(mapOf(1, [table]));
    for (const { id, hashStart, hashEnd } of table.shards) {
      expect(routing.route(1, hashFromHex(hashStart))?.shard.id).toBe(id);
      const last =
        hashEnd === ''
          ? 'ffffffffffffffff'
          : (BigInt(`0x${hashEnd}`) - 1n).toString(16).padStart(16, '0');
      expect(routing.route(1, hashFromHex(last))?.shard.id).toBe(id);
    }
    expect(routing.route(2, hashFromHex('0000000000000000'))).toBeUndefined();
    expect(routing.replicas(1)).toEqual(['n1', 'n2', 'n3']);
    expect(routing.replicas(9)).toEqual([]);
  });
});

describe('a write', () => {
  test('[S1] is sent again with the same number until it is answered, and the answers below are given free', async () => {
    const { fake, put } = cluster();
    const replies: GroupReply[] = [{ kind: 'unknown' }, NOT_LEADER, { kind: 'unknown' }, done(5)];
    fake.onGroup = () => replies.shift() ?? done(5);
    expect(await put()).toMatchObject({ kind: 'written' });
    expect(await put()).toMatchObject({ kind: 'written' });
    expect(fake.commands.map(({ sequence }) => sequence)).toEqual([1, 1, 1, 1, 2]);
    expect(fake.commands.map(({ lowestUnanswered }) => lowestUnanswered)).toEqual([1, 1, 1, 1, 2]);
    expect(new Set(fake.commands.map(({ router }) => router)).size).toBe(1);
  });

  test("[S1] carries its client's retry token each time, whatever was said before, and none without one", async () => {
    const { fake, table, put } = cluster();
    const retry = new Uint8Array(16).fill(7);
    const refused = done(5, { kind: 'wrong-shard' } as never);
    const replies: GroupReply[] = [{ kind: 'unknown' }, refused, NOT_LEADER, done(5)];
    fake.onGroup = () => replies.shift() ?? done(5);
    const writing = fake.router.write(table, keyOf('a'), putOf('a', 'v'), retry);
    expect(await fake.settle(writing)).toMatchObject({ kind: 'written' });
    await put();
    const tokens = fake.commands.map((command) => command.retry && [...command.retry]);
    expect(tokens).toEqual([...new Array(4).fill([...retry]), undefined]);
    const short = fake.router.write(table, keyOf('a'), putOf('a', 'v'), retry.subarray(1));
    await expect(fake.settle(short)).rejects.toThrow(/15 bytes/);
  });

  test('[S1] that is never answered ends after its time: not known, and nothing else', async () => {
    const { fake, put } = cluster();
    expect(await put()).toMatchObject({ kind: 'unavailable' });
    expect(fake.time.now).toBeGreaterThanOrEqual(REQUEST_TIMEOUT_MS);
    expect(fake.time.now).toBeLessThan(REQUEST_TIMEOUT_MS + 500);
    expect(fake.asked.length).toBeLessThan(120);
    expect(new Set(fake.asked.map(({ node }) => node))).toEqual(new Set(['n1', 'n2', 'n3']));
  });

  test('[S1] [S4] "refused, nothing was done" is passed on only when no earlier try may have done something', async () => {
    const first = cluster();
    first.fake.onGroup = () => ({ kind: 'overloaded' });
    expect(await first.put()).toMatchObject({ kind: 'overloaded' });
    expect(first.fake.asked).toHaveLength(1);

    const second = cluster();
    const replies: GroupReply[] = [
      { kind: 'unknown' },
      { kind: 'overloaded' },
      { kind: 'overloaded' },
      done(1),
    ];
    second.fake.onGroup = () => replies.shift() as GroupReply;
    expect(await second.put()).toMatchObject({ kind: 'written' });

    const third = cluster();
    let isFirst = true;
    third.fake.onGroup = () => {
      const kind = isFirst ? 'unknown' : 'overloaded';
      isFirst = false;
      return { kind };
    };
    expect(await third.put()).toMatchObject({ kind: 'unavailable' });
  });

  test('[S1] reckons its deadline in the time of the group, which it learns from a first refusal', async () => {
    const { fake, put } = cluster();
    const replies: GroupReply[] = [done(1_000_000, { kind: 'expired' } as never), done(1_000_000)];
    fake.onGroup = () => replies.shift() ?? done(1_000_000);
    await put();
    expect(fake.commands.map(({ deadline }) => deadline)[0]).toBe(0);
    const learnt = fake.commands[1]?.deadline ?? 0;
    expect(learnt).toBeGreaterThan(1_000_000 + REQUEST_TIMEOUT_MS - 100);
    expect(learnt).toBeLessThanOrEqual(1_000_000 + REQUEST_TIMEOUT_MS);
    await fake.time.pass(5_000);
    await put();
    expect(fake.commands[2]?.deadline).toBe(1_005_000 + REQUEST_TIMEOUT_MS);
  });

  test('follows a redirect at once', async () => {
    const { fake, put } = cluster();
    fake.onGroup = (node) => (node === 'n3' ? done(1) : { kind: 'not-leader', leader: 'n3' });
    await put();
    expect(fake.asked.map(({ node }) => node)).toEqual(['n2', 'n3']);
    expect(fake.time.now).toBe(0);
  });

  test('[R8] is not sent to and fro without a pause by nodes whose news are old', async () => {
    const { fake, put } = cluster();
    fake.onGroup = (node) => ({ kind: 'not-leader', leader: node === 'n2' ? 'n3' : 'n2' });
    expect(await put()).toMatchObject({ kind: 'unavailable' });
    expect(fake.asked.length).toBeLessThan(500);
  });

  test('[S2] [F38] fetches a new map when the shard is not there, and says so when the table is gone', async () => {
    const { fake, put } = cluster();
    const moved = tableOf(1, {
      shards: tableOf(1).shards.map((shard) => ({ ...shard, epoch: 2, group: 3 })),
    });
    fake.onController = () => ({ kind: 'map', map: mapOf(2, [moved]) });
    fake.onGroup = (_, request) =>
      request.group === 3 && fake.commands.at(-1)?.epoch === 2
        ? done(1)
        : done(1, { kind: 'wrong-shard' } as never);
    expect(await put()).toMatchObject({ kind: 'written' });
    expect(fake.commands.at(-1)?.sequence).toBe(1);

    fake.onController = () => ({ kind: 'map', map: mapOf(3, [tableOf(2)]) });
    fake.onGroup = () => done(1, { kind: 'wrong-shard' } as never);
    expect(await put()).toMatchObject({ kind: 'no-table' });
  });
});

describe('a read', () => {
  test('[R6] goes to this node when it holds a replica, and elsewhere when that does not help', async () => {
    const { fake, table } = cluster();
    fake.onGroup = (node) => (node === 'n1' ? NOT_LEADER : { kind: 'item', item: undefined });
    const found = await fake.settle(fake.router.read(table, keyOf('a'), true));
    expect(found).toEqual({ kind: 'found', item: undefined });
    expect(fake.asked.map(({ node }) => node)).toEqual(['n1', 'n2']);
  });
});

describe('a page', () => {
  /** Answers each piece with the keys of `items` in it, `limit` at most. */
  function paged(items: readonly string[]) {
    const { fake, table } = cluster();
    const keys = items.map((hash) => hashBound(1, hashFromHex(hash))).sort(compareBytes);
    fake.onGroup = (_, request) => {
      if (request.kind !== 'page') throw new Error(request.kind);
      const { from, to, reverse, limit } = request.query.operation;
      const shard = table.shards.find(({ id }) => id === request.query.shard);
      expect(
        compareBytes(from, hashBound(1, hashFromHex(shard?.hashStart ?? ''))),
      ).toBeGreaterThanOrEqual(0);
      const inside = keys.filter(
        (key) => compareBytes(from, key) <= 0 && compareBytes(key, to) < 0,
      );
      if (reverse) inside.reverse();
      const taken = inside.slice(0, limit);
      const page: PageOutcome = {
        items: taken,
        count: taken.length,
        scannedCount: taken.length,
        bytesRead: 10 * taken.length,
        lastKey: taken.length === limit ? taken.at(-1) : undefined,
      };
      return { kind: 'page', page };
    };
    return { fake, table, keys };
  }
  const HASHES = [
    '0000000000000001',
    '3fffffffffffffff',
    '4000000000000000',
    '9000000000000000',
    'ffffffffffffffff',
  ];

  test.each([1, 2, 3, 5, 6])(
    '[F49] of %i items goes over the shards and comes to an end, in both directions',
    async (limit) => {
      for (const reverse of [false, true]) {
        const { fake, table, keys } = paged(HASHES);
        const seen: Uint8Array[] = [];
        let operation = wholeTable(table, { limit, reverse });
        for (;;) {
          const page = await fake.settle(fake.router.page(table, operation, true));
          if (page.kind !== 'page') throw new Error(page.kind);
          seen.push(...page.items);
          expect(page.count).toBeLessThanOrEqual(limit);
          if (!page.lastKey) break;
          operation = reverse
            ? { ...operation, to: page.lastKey }
            : { ...operation, from: Uint8Array.from([...page.lastKey, 0]) };
        }
        expect(seen).toEqual(reverse ? keys.toReversed() : keys);
      }
    },
  );

  test('stops at the sum of bytes over all shards', async () => {
    const { fake, table } = paged(HASHES);
    const page = await fake.settle(
      fake.router.page(table, wholeTable(table, { maxBytes: 1_000 }), false),
    );
    expect(page).toMatchObject({ count: 5, bytesRead: 50, lastKey: undefined });
    const budgets = fake.asked.map(
      ({ request }) => request.kind === 'page' && request.query.operation.maxBytes,
    );
    expect(budgets).toEqual([1_000, 980, 970, 960]);
  });

  test('an empty range, or one outside the table, is an empty page and asks nobody', async () => {
    const { fake, table } = paged(HASHES);
    const end = tableEnd(1);
    for (const range of [
      { from: end, to: end },
      { from: tableEnd(2), to: tableEnd(3) },
    ]) {
      const page = await fake.settle(fake.router.page(table, wholeTable(table, range), true));
      expect(page).toMatchObject({ kind: 'page', count: 0, lastKey: undefined });
    }
    expect(fake.asked).toEqual([]);
  });
});

describe('the controller', () => {
  test('[C4] an old map finds a new table', async () => {
    const fake = new FakeCluster(mapOf(1, []));
    fake.onController = () => ({ kind: 'map', map: mapOf(2, [tableOf(1)]) });
    expect(await fake.settle(Promise.resolve(fake.router.findTable('t')))).toMatchObject({ id: 1 });
    expect(fake.controllerAsked).toHaveLength(1);
    expect(fake.router.findTable('t')).toMatchObject({ id: 1 });
  });

  test('questions for a new map that come together are one', async () => {
    const fake = new FakeCluster(mapOf(1, []));
    const answers = [1, 2, 3].map(() => Promise.resolve(fake.router.findTable('t')));
    for (const answer of await fake.settle(Promise.all(answers)))
      expect(answer).toMatchObject({ kind: 'no-table' });
    expect(fake.controllerAsked).toHaveLength(1);
  });

  test('is asked until it answers, one replica after the other, and a redirect is followed', async () => {
    const fake = new FakeCluster(mapOf(1, []));
    fake.onController = (node) =>
      node === 'n2' ? { kind: 'map', map: mapOf(2, [tableOf(1)]) } : { kind: 'unavailable' };
    expect(await fake.settle(fake.router.describeTable('t'))).toMatchObject({ id: 1 });
    fake.controllerAsked.length = 0;
    fake.onController = (node) =>
      node === 'n3' ? { kind: 'map', map: fake.map } : { kind: 'not-leader', leader: 'n3' };
    await fake.settle(fake.router.describeTable('t'));
    expect(fake.controllerAsked).toEqual(['n2', 'n3']);
    fake.onController = () => ({ kind: 'unavailable' });
    expect(await fake.settle(fake.router.describeTable('t'))).toMatchObject({
      kind: 'unavailable',
    });
  });
});

describe("the cluster's own commands", () => {
  // World 175: the second try stamped the entry that the first one had put into the log, and replicas had different ones.
  test('[E8] [S3] are sent again as other bytes, since a log may have those of the first try', async () => {
    const { fake } = cluster();
    const logged: Uint8Array[] = [];
    fake.onGroup = (_, request) => {
      if (request.kind !== 'write') return NOT_LEADER;
      stampCommand(request.command, 1 + logged.length);
      logged.push(request.command);
      return logged.length < 3 ? { kind: 'unknown' } : done(3);
    };
    const client = new LeaderClient(
      fake,
      fake.time.process('jobs').clock,
      new SimRandom(1, 'jobs'),
    );
    const command = encodeCommand({ kind: 'fence-shard', shard: 1, epoch: 1 });
    await fake.settle(client.ask({ kind: 'write', group: 1, command }));
    expect(logged.map((data) => decodeCommand(data).sessionTime)).toEqual([1, 2, 3]);
  });
});
