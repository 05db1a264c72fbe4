import { describe, expect } from 'vitest';
import { mitTest } from '../seeds.ts';
import { ET, type RaftCluster } from './cluster.ts';
import { on } from './on.ts';

/** Attempts of tests that a change of term disturbs, and the pause between them. */
const ATTEMPTS = 5;
const PAUSE_MS = 3000;

/** Starts a command on a server that must take it. */
function start(c: RaftCluster, server: number, command: string): { index: number; term: number } {
  const started = tryStart(c, server, command);
  if (!started) throw new Error(`server ${server} refused ${command}`);
  return started;
}

function tryStart(c: RaftCluster, server: number, command: string) {
  return c.server(server)?.start(new TextEncoder().encode(command));
}

function isInTerm(c: RaftCluster, term: number): boolean {
  return [...Array(c.n).keys()].every((i) => c.server(i)?.raft.term === term);
}

/** Up to five attempts with a leader; `attempt` says whether nothing disturbed it. */
async function undisturbed(
  c: RaftCluster,
  attempt: (leader: number) => Promise<boolean>,
): Promise<void> {
  for (let i = 0; i < ATTEMPTS; i++) {
    if (i > 0) await c.sleep(PAUSE_MS);
    if (await attempt(await c.oneLeader())) return;
  }
  throw new Error('the term changed in every attempt');
}

describe('[R2][R4] 2B: log replication', () => {
  mitTest(
    'BasicAgree',
    on({ servers: 3 }, async (c) => {
      for (const i of [1, 2, 3]) {
        expect(c.committedCount(i)).toBe(0);
        expect(await c.agree(`${100 * i}`, 3, false)).toBe(i);
      }
    }),
  );

  mitTest(
    'RPCBytes',
    on({ servers: 3 }, async (c) => {
      await c.agree('99', 3, false);
      const before = c.network.bytes;
      for (let index = 2; index <= 11; index++) {
        const command = Array.from({ length: 5000 }, () => c.random.below(10)).join('');
        expect(await c.agree(command, 3, false)).toBe(index);
      }
      expect(c.network.bytes - before).toBeLessThanOrEqual(200_000);
    }),
  );

  mitTest(
    'FollowerFailure',
    on({ servers: 3 }, async (c) => {
      await c.agree('101', 3, false);
      c.disconnect(c.after(await c.oneLeader(), 1));
      await c.agree('102', 2, false);
      await c.sleep(ET);
      await c.agree('103', 2, false);
      const leader = await c.oneLeader();
      c.disconnect(c.after(leader, 1));
      c.disconnect(c.after(leader, 2));
      expect(start(c, leader, '104').index).toBe(4);
      await c.sleep(2 * ET);
      expect(c.committedCount(4)).toBe(0);
    }),
  );

  mitTest(
    'LeaderFailure',
    on({ servers: 3 }, async (c) => {
      await c.agree('101', 3, false);
      c.disconnect(await c.oneLeader());
      await c.agree('102', 2, false);
      await c.sleep(ET);
      await c.agree('103', 2, false);
      c.disconnect(await c.oneLeader());
      for (let i = 0; i < 3; i++) tryStart(c, i, '104');
      await c.sleep(2 * ET);
      expect(c.committedCount(4)).toBe(0);
    }),
  );

  mitTest(
    'FailAgree',
    on({ servers: 3 }, async (c) => {
      await c.agree('101', 3, false);
      const follower = c.after(await c.oneLeader(), 1);
      c.disconnect(follower);
      await c.agree('102', 2, false);
      await c.agree('103', 2, false);
      await c.sleep(ET);
      await c.agree('104', 2, false);
      await c.agree('105', 2, false);
      c.connect(follower);
      await c.agree('106', 3, true);
      await c.sleep(ET);
      await c.agree('107', 3, true);
    }),
  );

  mitTest(
    'FailNoAgree',
    on({ servers: 5 }, async (c) => {
      await c.agree('10', 5, false);
      const leader = await c.oneLeader();
      const cut = [1, 2, 3].map((k) => c.after(leader, k));
      for (const i of cut) c.disconnect(i);
      expect(start(c, leader, '20').index).toBe(2);
      await c.sleep(2 * ET);
      expect(c.committedCount(2)).toBe(0);
      for (const i of cut) c.connect(i);
      const { index } = start(c, await c.oneLeader(), '30');
      expect([2, 3]).toContain(index);
      await c.agree('1000', 5, true);
    }),
  );

  mitTest(
    'ConcurrentStarts',
    on({ servers: 3 }, (c) =>
      undisturbed(c, async (leader) => {
        const first = tryStart(c, leader, '1');
        if (!first) return false;
        const { term } = first;
        const started = [0, 1, 2, 3, 4].map((k) => tryStart(c, leader, `${100 + k}`));
        const indexes = started.flatMap((one) => (one?.term === term ? one.index : []));
        if (!isInTerm(c, term)) return false;
        const commands: string[] = [];
        for (const index of indexes) {
          const command = await c.waitFor(index, 3, term);
          if (command === undefined) return false;
          commands.push(command);
        }
        expect(commands.toSorted()).toEqual(['100', '101', '102', '103', '104']);
        return true;
      }),
    ),
  );

  mitTest(
    'Rejoin',
    on({ servers: 3 }, async (c) => {
      await c.agree('101', 3, true);
      const first = await c.oneLeader();
      c.disconnect(first);
      for (const command of ['102', '103', '104']) tryStart(c, first, command);
      await c.agree('103', 2, true);
      const second = await c.oneLeader();
      c.disconnect(second);
      c.connect(first);
      await c.agree('104', 2, true);
      c.connect(second);
      await c.agree('105', 3, true);
    }),
  );

  mitTest(
    'Backup',
    on({ servers: 5 }, async (c) => {
      const command = () => `${c.random.uint32()}`;
      await c.agree(command(), 5, true);
      const first = await c.oneLeader();
      const [one, two, three, four] = [1, 2, 3, 4].map((k) => c.after(first, k)) as [
        number,
        number,
        number,
        number,
      ];
      for (const i of [two, three, four]) c.disconnect(i);
      for (let i = 0; i < 50; i++) tryStart(c, first, command());
      await c.sleep(ET / 2);
      for (const i of [first, one]) c.disconnect(i);
      for (const i of [two, three, four]) c.connect(i);
      for (let i = 0; i < 50; i++) await c.agree(command(), 3, true);
      const second = await c.oneLeader();
      const other = two === second ? c.after(second, 1) : two;
      c.disconnect(other);
      for (let i = 0; i < 50; i++) tryStart(c, second, command());
      await c.sleep(ET / 2);
      for (let i = 0; i < c.n; i++) c.disconnect(i);
      for (const i of [first, one, other]) c.connect(i);
      for (let i = 0; i < 50; i++) await c.agree(command(), 3, true);
      for (let i = 0; i < c.n; i++) c.connect(i);
      await c.agree(command(), 5, true);
    }),
  );

  mitTest(
    'Count',
    on({ servers: 3 }, async (c) => {
      await c.oneLeader();
      expect(c.network.received).toBeGreaterThanOrEqual(1);
      expect(c.network.received).toBeLessThanOrEqual(30);
      await undisturbed(c, async (leader) => {
        const before = c.network.received;
        const first = tryStart(c, leader, '1');
        if (!first) return false;
        const { term } = first;
        const commands = Array.from({ length: 11 }, () => `${c.random.uint32()}`);
        for (const [k, command] of commands.entries()) {
          const started = tryStart(c, leader, command);
          if (started?.term !== term) return false;
          expect(started.index).toBe(first.index + 1 + k);
        }
        for (const [k, command] of commands.slice(0, 10).entries()) {
          const delivered = await c.waitFor(first.index + 1 + k, 3, term);
          if (delivered === undefined) return false;
          expect(delivered).toBe(command);
        }
        if (!isInTerm(c, term)) return false;
        expect(c.network.received - before).toBeLessThanOrEqual(42);
        return true;
      });
      const idle = c.network.received;
      await c.sleep(ET);
      expect(c.network.received - idle).toBeLessThanOrEqual(60);
    }),
  );
});
