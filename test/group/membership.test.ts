import { describe, expect, test } from 'vitest';
import { nextMembership } from '../../src/group/index.ts';
import type { Config } from '../../src/raft/index.ts';
import { memberOf } from '../mit/group/server.ts';
import { CounterCluster } from '../mit/rsm/counter.ts';

const PLAN = 7;

function configOf(incoming: number[], outgoing: number[] = [], learners: number[] = []): Config {
  return {
    incoming: incoming.map(memberOf),
    outgoing: outgoing.map(memberOf),
    learners: learners.map(memberOf),
    plan: PLAN,
  };
}

describe('the next step of a change of members', () => {
  const step = (config: Config, wanted: number[], canVote = true, number = PLAN) =>
    nextMembership(config, { number, voters: wanted.map(memberOf) }, () => canVote);
  const target = (voters: number[], learners: number[] = [], plan = PLAN) => ({
    voters: voters.map(memberOf),
    learners: learners.map(memberOf),
    plan,
  });

  test('[R7] who is missing learns, and votes when it has caught up; who goes, goes with that', () => {
    expect(step(configOf([0, 1, 2]), [1, 2, 3])).toEqual(target([0, 1, 2], [3]));
    expect(step(configOf([0, 1, 2], [], [3]), [1, 2, 3], false)).toBeUndefined();
    expect(step(configOf([0, 1, 2], [], [3]), [1, 2, 3])).toEqual(target([1, 2, 3]));
    expect(step(configOf([1, 2, 3], [0, 1, 2]), [1, 2, 3])).toBeUndefined();
    expect(step(configOf([1, 2, 3]), [3, 2, 1])).toBeUndefined();
  });

  test('[R7] whoever is not wanted any more goes before it votes', () => {
    expect(step(configOf([0, 1, 2], [], [3, 4]), [0, 1, 4])).toEqual(target([0, 1, 2], [4]));
    expect(step(configOf([0, 1, 2]), [0, 1])).toEqual(target([0, 1]));
  });

  test('[C4] the log says first by which plan it goes', () => {
    expect(step(configOf([0, 1, 2]), [0, 1], true, PLAN + 1)).toEqual(
      target([0, 1, 2], [], PLAN + 1),
    );
    expect(step(configOf([0, 1, 2]), [0, 1, 2], true, PLAN + 1)).toEqual(
      target([0, 1, 2], [], PLAN + 1),
    );
    expect(step(configOf([0, 1, 2], [], [3]), [1, 2, 3], true, PLAN + 1)).toEqual(
      target([0, 1, 2], [3], PLAN + 1),
    );
  });
});

const ANSWER_MS_MAX = 2_000;

/** Three members of six servers, with a counter that is incremented all the time. */
class ChangingGroup extends CounterCluster {
  acknowledged = 0;
  #stopped = false;
  #plan = 0;

  constructor(seed: number) {
    super(seed, 1000, 6);
  }

  /** What a controller does, over and over: true once these are the members, for good. */
  async become(wanted: readonly number[], limitMs = 60_000): Promise<boolean> {
    this.#plan++;
    return this.comesToHold(() => this.#steer(wanted), limitMs);
  }

  /** Increments until it is stopped. A server that dies answers nothing. */
  async work(): Promise<void> {
    for (let server = 0; !this.#stopped; ) {
      const late = this.sleep(ANSWER_MS_MAX).then(() => 'wrong-leader' as const);
      const answer = await Promise.race([this.submit(server, 'inc'), late]);
      if (answer !== 'wrong-leader') this.acknowledged++;
      else server = (server + 1) % this.n;
      await this.sleep(1);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  #steer(wanted: readonly number[]): boolean {
    const { leader } = this;
    const replica = leader === undefined ? undefined : this.server(leader)?.replica;
    if (!replica) return false;
    replica.moveTo({ number: this.#plan, voters: wanted.map(memberOf) });
    const { incoming = [], plan } = replica.settledConfig ?? {};
    const settled = incoming.map(({ id }) => id - 1);
    return plan === this.#plan && settled.toSorted().join() === wanted.join();
  }
}

async function group(seed: number, body: (c: ChangingGroup) => Promise<void>): Promise<void> {
  const cluster = new ChangingGroup(seed);
  await cluster.run(() => body(cluster));
}

describe('a group whose members change', () => {
  test('[R7] [F27] a server is added and catches up by snapshot; then another goes', async () => {
    await group(1, async (c) => {
      for (let i = 1; i <= 100; i++) expect(await c.increment()).toBe(i);
      expect(c.service(3)?.value).toBe(0);
      expect(await c.become([0, 1, 2, 3])).toBe(true);
      await c.expectCounter(100, 4);
      const leader = await c.findLeader();
      const stay = [0, 1, 2, 3].filter((i) => i !== leader);
      expect(await c.become(stay)).toBe(true);
      expect(await c.increment(stay)).toBe(101);
      await c.expectCounter(101, 3);
    });
  });

  test('[R7] [G14] a server whose disk is gone is replaced under another identity', async () => {
    await group(2, async (c) => {
      for (let i = 1; i <= 20; i++) await c.increment();
      c.crash(0);
      expect(await c.become([1, 2, 3])).toBe(true);
      c.crash(1);
      expect(await c.increment([2, 3])).toBe(21);
      await c.expectCounter(21, 2);
    });
  });

  // World 1356 of five nodes: a new leader took in again who had left, since its map was of before that.
  test('[C4] [F35] a leader that has heard only of an older plan changes nothing', async () => {
    await group(4, async (c) => {
      for (let i = 1; i <= 20; i++) await c.increment();
      expect(await c.become([1, 2, 3])).toBe(true);
      expect(await c.become([1, 2, 4])).toBe(true);
      for (let round = 0; round < 3; round++) {
        const leader = await c.findLeader();
        const replica = c.server(leader)?.replica;
        for (let i = 0; i < 20; i++) {
          replica?.moveTo({ number: 1, voters: [1, 2, 3].map(memberOf) });
          await c.sleep(50);
        }
        expect(replica?.settledConfig).toMatchObject({ plan: 2 });
        expect(replica?.settledConfig?.incoming).toHaveLength(3);
        c.crash(leader);
        await c.start(leader);
      }
      expect(await c.increment([1, 2, 4])).toBe(21);
    });
  });

  test('[F26] a server that was removed and comes back disturbs nobody', async () => {
    await group(3, async (c) => {
      for (let i = 1; i <= 20; i++) await c.increment();
      expect(await c.become([0, 1, 2, 3])).toBe(true);
      const gone = (await c.findLeader()) === 0 ? 1 : 0;
      c.crash(gone);
      const rest = [0, 1, 2, 3].filter((i) => i !== gone);
      expect(await c.become(rest)).toBe(true);
      const term = c.server(await c.findLeader())?.replica.term;
      await c.start(gone);
      c.connectAll();
      await c.sleep(10_000);
      expect(c.server(await c.findLeader())?.replica.term).toBe(term);
      expect(c.server(gone)?.replica.isLeader).toBe(false);
      expect(await c.increment(rest)).toBe(21);
    });
  });

  test.each(Array.from({ length: 10 }, (_, i) => i + 1))(
    '[R7] [F24] [F25] [F27] all are exchanged while servers crash and the network is cut (seed %i)',
    async (seed) => {
      await group(seed, async (c) => {
        const { random } = c;
        const working = c.work();
        let isTroubled = true;
        const trouble = (async () => {
          while (isTroubled) {
            await c.sleep(random.between(100, 800));
            const i = random.below(c.n);
            switch (random.below(3)) {
              case 0:
                c.crash(i);
                await c.sleep(random.between(0, 300));
                await c.start(i);
                break;
              case 1:
                c.partition(
                  [i],
                  [0, 1, 2, 3, 4, 5].filter((other) => other !== i),
                );
                break;
              default:
                c.connectAll();
            }
          }
          c.connectAll();
        })();
        for (const wanted of [
          [1, 2, 3],
          [2, 3, 4],
          [3, 4, 5],
        ]) {
          expect(await c.become(wanted)).toBe(true);
          await c.sleep(random.between(0, 1_000));
        }
        isTroubled = false;
        await trouble;
        expect(await c.become([3, 4, 5])).toBe(true);
        c.stop();
        await working;
        const last = await c.increment([3, 4, 5]);
        expect(last).toBeGreaterThan(c.acknowledged);
        await c.expectCounter(last, 3);
      });
    },
  );
});
