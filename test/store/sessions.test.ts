import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../src/bytes/index.ts';
import { MemoryEngine } from '../../src/engine/index.ts';
import { DEADLINE_AHEAD_MAX_MS } from '../../src/store/index.ts';
import { SESSION_RANGE } from '../../src/store/keys.ts';
import { Sessions } from '../../src/store/sessions.ts';
import { counted, install, TestReplica, write } from './machine.ts';

async function replica() {
  const opened = await TestReplica.open();
  opened.apply(0, install());
  return opened;
}

describe('exactly once', () => {
  test('[S1] a repeated command changes nothing and gets its first answer, also after its deadline', async () => {
    const { apply } = bound(await replica());
    expect(counted(apply(100, write(7, 1, 'a')))).toBe(1);
    expect(counted(apply(200, write(7, 1, 'a')))).toBe(1);
    expect(counted(apply(50_000, write(7, 1, 'a')))).toBe(1);
    expect(counted(apply(50_000, write(7, 2, 'a', { deadline: 60_000 })))).toBe(2);
  });

  test('[S1] commands of other routers, and other commands of the router, are others', async () => {
    const { apply } = bound(await replica());
    expect(counted(apply(1, write(7, 1, 'a')))).toBe(1);
    expect(counted(apply(1, write(8, 1, 'a')))).toBe(2);
    expect(counted(apply(1, write(7, 2, 'a')))).toBe(3);
  });

  test('[S1] after its deadline a command is refused, before anything is looked at', async () => {
    const { apply } = bound(await replica());
    expect(counted(apply(10_000, write(7, 1, 'a')))).toBe(1);
    expect(apply(10_001, write(7, 2, 'a'))).toEqual({ kind: 'expired', sessionTime: 10_001 });
  });

  test('[S1] a deadline too far ahead is refused, since the session might not outlive it', async () => {
    const { apply } = bound(await replica());
    const deadline = 5 + DEADLINE_AHEAD_MAX_MS;
    expect(apply(4, write(7, 1, 'a', { deadline })).kind).toBe('expired');
    expect(counted(apply(5, write(7, 1, 'a', { deadline })))).toBe(1);
  });

  test('[S1] answers that a router has are forgotten; a late duplicate of one changes nothing', async () => {
    const { apply } = bound(await replica());
    expect(counted(apply(1, write(7, 1, 'a')))).toBe(1);
    expect(counted(apply(1, write(7, 3, 'a', { lowestUnanswered: 2 })))).toBe(2);
    expect(apply(1, write(7, 1, 'a')).kind).toBe('answered');
    // 2 is still open: it may come after 3.
    expect(counted(apply(1, write(7, 2, 'a', { lowestUnanswered: 2 })))).toBe(3);
    expect(counted(apply(1, write(7, 3, 'a', { lowestUnanswered: 2 })))).toBe(2);
  });

  test('[S1] [S2] a refusal by the shard is not remembered: the command may come again, and counts once', async () => {
    const { apply } = bound(await replica());
    expect(apply(1, write(7, 1, 'a', { epoch: 2 })).kind).toBe('wrong-shard');
    expect(counted(apply(1, write(7, 1, 'a')))).toBe(1);
    expect(counted(apply(1, write(7, 1, 'a')))).toBe(1);
  });

  test('[G20] session time never goes back, and every answer tells it', async () => {
    const { apply } = bound(await replica());
    expect(apply(500, write(7, 1, 'a')).sessionTime).toBe(500);
    expect(apply(300, write(7, 2, 'a')).sessionTime).toBe(500);
  });

  test('[S1] [G12] sessions, shards and time outlive a flush and a crash', async () => {
    const engine = new MemoryEngine();
    const before = await TestReplica.open({}, engine);
    before.apply(0, install());
    before.apply(400, write(7, 1, 'a'));
    before.apply(500, write(8, 9, 'a', { lowestUnanswered: 4 }));
    await before.flush();
    const after = await TestReplica.open({}, engine.crash());
    expect(after.state.appliedIndex).toBe(3);
    expect(after.machine.sessionTime).toBe(500);
    expect([...after.machine.shards()]).toEqual([...before.machine.shards()]);
    expect(counted(after.apply(500, write(7, 1, 'a')))).toBe(1);
    expect(counted(after.apply(500, write(8, 9, 'a')))).toBe(2);
    expect(after.apply(500, write(8, 3, 'a')).kind).toBe('answered');
  });

  test('[S1] a session is dropped only when no command of it can be admitted any more', async () => {
    const engine = new MemoryEngine();
    const before = await TestReplica.open({}, engine);
    before.apply(0, install());
    before.apply(0, write(7, 1, 'a', { deadline: 10_000 }));
    await before.flush();
    const end = 10_000 + DEADLINE_AHEAD_MAX_MS;
    // A new router is the occasion; at the last moment the session is still there.
    before.apply(end, write(8, 1, 'a', { deadline: end }));
    expect(counted(before.apply(end, write(7, 1, 'a')))).toBe(1);
    before.apply(end + 1, write(9, 1, 'a', { deadline: end + 1 }));
    expect(before.apply(end + 1, write(7, 1, 'a')).kind).toBe('expired');
    await before.flush();
    const after = await TestReplica.open({}, engine.crash());
    expect(after.apply(end + 1, write(7, 1, 'a')).kind).toBe('expired');
    expect(counted(after.apply(end + 1, write(9, 1, 'a')))).toBe(3);
  });

  test('[S1] [G12] a session is written again when it has changed, and one that began anew', async () => {
    const engine = new MemoryEngine();
    const before = await TestReplica.open({}, engine);
    before.apply(0, install());
    before.apply(0, write(7, 1, 'a', { deadline: 10_000 }));
    before.apply(0, write(8, 1, 'a', { deadline: 10_000, lowestUnanswered: 1 }));
    await before.flush();
    const sessionsIn = () =>
      before.machine.cacheWrites(before.state).filter(({ key }) => key[0] === SESSION_RANGE.from[0])
        .length;
    expect(sessionsIn()).toBe(0);
    before.apply(0, write(7, 2, 'a', { deadline: 10_000 }));
    expect(sessionsIn()).toBe(1);
    await before.flush();
    expect(sessionsIn()).toBe(0);
    // All are dropped when router 9 comes, and router 8 comes back with as many answers as it had.
    const later = 10_001 + DEADLINE_AHEAD_MAX_MS;
    before.apply(later, write(9, 1, 'a', { deadline: later }));
    before.apply(later, write(8, 2, 'a', { deadline: later, lowestUnanswered: 1 }));
    await before.flush();
    const after = await TestReplica.open({}, engine.crash());
    expect(counted(after.apply(later, write(8, 2, 'a', { deadline: later })))).toBe(5);
  });
});

const PLACE = { table: 1, hash: { high: 1, low: 2 } };

describe('bounds', () => {
  const tag = (router: number, sequence: number, deadline: number) => ({
    router,
    sequence,
    lowestUnanswered: 1,
    deadline,
  });

  test('[S1] [S4] without room the new command is refused, and no answer is forgotten', () => {
    const sessions = new Sessions(1_200);
    const answer = new Uint8Array(300);
    for (let i = 1; i <= 3; i++) {
      expect(sessions.admit(tag(1, i, 100)).kind).toBe('new');
      sessions.remember(tag(1, i, 100), PLACE, answer);
    }
    expect(sessions.admit(tag(1, 4, 100)).kind).toBe('sessions-full');
    expect(sessions.admit(tag(2, 1, 100)).kind).toBe('sessions-full');
    expect(sessions.admit(tag(1, 2, 100))).toEqual({ kind: 'repeated', answer });
    // The router has its answers: there is room again.
    expect(sessions.admit({ ...tag(1, 4, 100), lowestUnanswered: 4 }).kind).toBe('new');
  });

  test('[S1] [S4] routers that are gone do not shut out those that live', () => {
    const sessions = new Sessions(1_200);
    for (let i = 1; i <= 3; i++) sessions.remember(tag(1, i, 100), PLACE, new Uint8Array(300));
    sessions.advanceTime(100 + DEADLINE_AHEAD_MAX_MS);
    const deadline = sessions.time + 10;
    expect(sessions.admit(tag(2, 1, deadline)).kind).toBe('sessions-full');
    sessions.advanceTime(101 + DEADLINE_AHEAD_MAX_MS);
    expect(sessions.admit(tag(2, 1, deadline)).kind).toBe('new');
  });

  test('what is damaged is not read', () => {
    const sessions = new Sessions();
    const damaged = {
      get: () => undefined,
      range: () => {
        const pairs = [
          { key: new ByteWriter().u8(3).u64(7).take(), value: Uint8Array.of(1, 2, 3, 4) },
        ];
        return { next: () => pairs.shift(), close: () => {} };
      },
    };
    expect(() => sessions.restore(damaged)).toThrow(/bytes/);
  });
});

function bound(opened: TestReplica) {
  return { apply: opened.apply.bind(opened) };
}
