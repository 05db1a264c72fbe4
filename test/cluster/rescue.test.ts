import { describe, expect, test } from 'vitest';
import type { GroupRecord } from '../../src/controller/index.ts';
import { forgetNodes } from '../../src/node/index.ts';
import { ControllerClient } from '../../src/router/index.ts';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import { SimRandom, type World } from '../../src/sim/index.ts';
import { ask, exitsOf, growingWorld, isEven, isSettled, loads, mapOf } from '../support/nodes.ts';
import { createTable, get, put, routerOf } from '../support/world.ts';

/** As an operator asks it of a node. */
function forget(world: World, at: string, lost: readonly string[], loseData: boolean) {
  const { node, process } = world.machine(at);
  if (!node || !process) throw new Error(`${at} does not run`);
  const client = new ControllerClient(node, process.clock, new SimRandom(1, 'operator'));
  const host = node.rescueHost((nodes) => client.command({ kind: 'forget-nodes', nodes }));
  return world.settle(forgetNodes(host, lost, loseData));
}

function leads(world: World, name: string, group: number): boolean {
  return world.machine(name).node?.leaderOf(group) === name;
}

/** Three nodes with a table of so many items, of which two nodes are gone for good. */
async function crippled(seed: number, items = 20) {
  const world = await growingWorld(seed, { nodes: 5 });
  const table = await createTable(world, 't');
  for (let i = 0; i < items; i++) {
    await world.settle(put(routerOf(world, 'n2'), table, `k${i}`, `v${i}`));
  }
  await world.until(() => areCaughtUp(world));
  world.powerOff('n2', 'n3');
  await world.run(3_000);
  const values = async () => {
    const router = routerOf(world, 'n1');
    const found: unknown[] = [];
    for (let i = 0; i < items; i++) found.push(await world.settle(get(router, table, `k${i}`)));
    return found;
  };
  const written = Array.from({ length: items }, (_, i) => `v${i}`);
  return { world, table, values, written };
}

describe('groups that lost their majority for good', { timeout: 60_000 }, () => {
  test.each([1, 2, 3, 4])(
    '[R7] [C5] go on with the replica that is left, and are three again when nodes join (seed %i)',
    async (seed) => {
      const { world, table, values, written } = await crippled(seed);
      const router = routerOf(world, 'n1');
      expect(await world.settle(put(router, table, 'k0', 'x'))).toMatchObject({
        kind: 'unavailable',
      });
      const warning = await forget(world, 'n1', ['n2', 'n3'], false);
      expect(warning).toMatchObject({
        kind: 'refused',
        reason: expect.stringMatching(
          /^nothing was done\. .*the controller with what n1 has, group 1 .*lost for good/,
        ),
      });
      expect(await forget(world, 'n1', ['n2', 'n3'], true)).toEqual({ kind: 'done' });
      await world.until(() => isEven(world));
      expect(loads(world)).toMatchObject({ n1: mapOf(world).groups.length });
      const now = await values();
      // The write before was not answered, and may have come to be.
      expect(['v0', 'x']).toContain(now[0]);
      expect(now.slice(1)).toEqual(written.slice(1));
      expect(await world.settle(put(router, table, 'k1', 'y'))).toMatchObject({ kind: 'written' });

      for (const name of ['n4', 'n5']) await world.join(name);
      await world.until(() => mapOf(world).nodes.length === 3 && isEven(world), 120_000);
      world.powerOff('n1');
      const other = routerOf(world, 'n4');
      await world.until(() => world.machine('n4').node?.leaderOf(1) !== undefined);
      expect(await world.settle(get(other, table, 'k1'))).toBe('y');
      expect(await world.settle(get(other, table, 'k2'))).toBe('v2');
      expect(exitsOf(world, 'n1')).toEqual([]);
    },
  );

  test('[F26] [R7] whoever comes back all the same is told so, and stops', async () => {
    const { world, values, written } = await crippled(5);
    await forget(world, 'n1', ['n2', 'n3'], true);
    await world.until(() => isEven(world));
    // The two would be a majority of every old group.
    for (const name of ['n2', 'n3']) {
      world.launch(name);
      await world.until(() => exitsOf(world, name).length > 0, 60_000);
      expect(exitsOf(world, name)[0]).toMatch(/was removed/);
    }
    expect(await values()).toEqual(written);
  });

  test('a crash in between leaves what can be said again', async () => {
    for (const afterMs of [0, 0.3, 0.6, 1, 2, 5, 20, 60]) {
      const { world, values, written } = await crippled(6, 4);
      const { node, process } = world.machine('n1');
      if (!node || !process) throw new Error('n1 does not run');
      const client = new ControllerClient(node, process.clock, new SimRandom(1, 'operator'));
      const host = node.rescueHost((nodes) => client.command({ kind: 'forget-nodes', nodes }));
      forgetNodes(host, ['n2', 'n3'], true).catch(() => {});
      await world.run(afterMs);
      world.powerOff('n1');
      await world.start('n1');
      const again = await forget(world, 'n1', ['n2', 'n3'], true);
      const reason = again?.kind === 'refused' ? again.reason : '';
      expect(reason === '' || /there is no node n2/.test(reason)).toBe(true);
      await world.until(() => isEven(world) && mapOf(world).nodes.length === 1);
      expect(await values()).toEqual(written);
    }
  });

  test.each([1, 2, 3, 4])(
    '[C4] [R7] a map of controllers that are lost, which others have seen, is forgotten (seed %i)',
    async (seed) => {
      const world = await growingWorld(seed, { firstNodes: 4 });
      const holders = mapOf(world).groups[0]?.replicas.map(({ node }) => node) ?? [];
      const watcher = ['n1', 'n2', 'n3', 'n4'].find((name) => !holders.includes(name)) ?? '';
      const left = holders.find((name) => world.leader(0)?.name !== name) ?? '';
      const lost = holders.filter((name) => name !== left);
      world.isolate(left);
      await createTable(world, 'lost');
      const named = (name: string) =>
        (world.machine(name).node?.map.tables ?? []).map(({ spec }) => spec.name);
      await world.until(() => named(watcher).includes('lost'));
      world.powerOff(...lost);
      world.heal();
      await world.run(6_000);
      expect(await forget(world, left, lost, true)).toEqual({ kind: 'done' });
      await ask(world, { kind: 'leave', groups: [2] });
      const maps = () => [left, watcher].map((name) => world.machine(name).node?.map);
      await world.until(() => isEven(world) && maps()[0]?.number === maps()[1]?.number);
      expect(maps()[1]).toEqual(maps()[0]);
      expect(named(watcher)).toEqual([]);
    },
  );

  test.each([1, 2, 3, 4])(
    '[R7] where more than one is left, go on with the most up-to-date log (seed %i)',
    async (seed) => {
      const world = await growingWorld(seed, { firstNodes: 4 });
      const nodes = ['n1', 'n2', 'n3', 'n4'];
      await ask(world, { kind: 'join', groups: [{ id: 9, nodes }] });
      await world.until(() => mapOf(world).groups.some(({ id }) => id === 9) && isSettled(world));
      const others = mapOf(world).groups.flatMap(({ id }) => (id > 0 && id < 9 ? id : []));
      await ask(world, { kind: 'leave', groups: others });
      const table = await createTable(world, 't');
      expect(new Set(table.shards.map(({ group }) => group))).toEqual(new Set([9]));
      expect(await world.settle(put(routerOf(world, 'n1'), table, 'k', 'old'))).toMatchObject({
        kind: 'written',
      });
      await world.until(() => areCaughtUp(world));
      world.isolate('n1');
      const leader = () => ['n2', 'n3', 'n4'].find((name) => leads(world, name, 9));
      await world.until(() => leader() !== undefined);
      // One that follows can bring n1 nothing once they hear each other again.
      const other = leader() === 'n2' ? 'n3' : 'n2';
      const lost = nodes.filter((name) => name !== 'n1' && name !== other);
      expect(await world.settle(put(routerOf(world, other), table, 'k', 'new'))).toMatchObject({
        kind: 'written',
      });
      world.powerOff(...lost);
      world.heal();
      await world.run(6_000);
      const warning = await forget(world, 'n1', lost, false);
      expect(warning).toMatchObject({
        reason: expect.stringContaining(`group 9 with what ${other}`),
      });
      expect(await forget(world, 'n1', lost, true)).toEqual({ kind: 'done' });
      await world.until(() => mapOf(world).nodes.length === 2 && isSettled(world));
      await world.until(() => world.isReady && areCaughtUp(world));
      for (const name of ['n1', other]) {
        expect(await world.settle(get(routerOf(world, name), table, 'k'))).toBe('new');
      }
      const group = mapOf(world).groups.find(({ id }) => id === 9);
      expect(group?.replicas.map(({ node }) => node).sort()).toEqual(['n1', other]);
      expect(differences(world)).toEqual([]);
      expect(world.failures).toEqual([]);
    },
  );

  test.each([0, 1, 2, 5, 10, 20, 40, 80, 160, 320])(
    '[R7] one that was to go is as good as any, and better than one that has only begun to learn (%i ms)',
    async (afterMs) => {
      const world = await growingWorld(9, { firstNodes: 4 });
      const table = await createTable(world, 't');
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
      for (const key of keys) await world.settle(put(routerOf(world, 'n2'), table, key, key));
      await world.until(() => isEven(world) && areCaughtUp(world));
      await ask(world, { kind: 'drain-node', node: 'n1' });
      const isGoing = ({ leaving }: GroupRecord) => leaving.some(({ node }) => node === 'n1');
      await world.until(() => mapOf(world).groups.some(isGoing));
      const group = mapOf(world).groups.find(isGoing);
      await world.run(afterMs);
      const lost = group?.replicas.map(({ node }) => node).filter((name) => name !== 'n4') ?? [];
      expect(lost).toHaveLength(2);
      world.isolate('n4');
      world.powerOff(...lost);
      await world.run(6_000);
      world.heal();
      await world.run(3_000);
      const outcome = await forget(world, 'n1', lost, true);
      expect(outcome).toEqual({ kind: 'done' });
      await world.until(() => mapOf(world).nodes.length === 2 && isSettled(world));
      await world.until(() => world.isReady);
      for (const key of keys) {
        expect(await world.settle(get(routerOf(world, 'n4'), table, key))).toBe(key);
      }
      expect(world.failures).toEqual([]);
    },
  );

  test('[R7] where only those are left that were to go, they stay', async () => {
    const world = await growingWorld(10, { nodes: 3 });
    const table = await createTable(world, 't');
    await world.settle(put(routerOf(world, 'n2'), table, 'k', 'v'));
    await world.until(() => isEven(world) && areCaughtUp(world));
    await ask(world, { kind: 'drain-node', node: 'n1' });
    const groups = () => mapOf(world).groups;
    await world.until(() => groups().some(({ leaving }) => leaving.length > 0));
    world.powerOff('n2', 'n3');
    await world.run(6_000);
    expect(await forget(world, 'n1', ['n2', 'n3'], true)).toEqual({ kind: 'done' });
    await world.until(() => mapOf(world).nodes.length === 1 && isSettled(world));
    expect(groups().map(({ replicas, leaving }) => [replicas.length, leaving.length])).toEqual(
      groups().map(() => [1, 0]),
    );
    expect(await world.settle(get(routerOf(world, 'n1'), table, 'k'))).toBe('v');
    expect(world.failures).toEqual([]);
  });

  test('nothing is done where a node is up, unknown, or not needed for a majority, nor where all of a group is gone', async () => {
    const world = await growingWorld(7, { nodes: 4 });
    const reason = async (lost: string[], loseData = true) => {
      const outcome = await forget(world, 'n1', lost, loseData);
      return outcome?.kind === 'refused' ? outcome.reason : outcome;
    };
    expect(await reason(['n2', 'n3'])).toMatch(/node n2 is up/);
    expect(await reason(['n9'])).toMatch(/there is no node n9/);
    await world.join('n4');
    await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
    world.powerOff('n2');
    await world.run(6_000);
    expect(await reason(['n2'])).toMatch(/every group has its majority without them/);
    world.powerOff('n3', 'n4');
    await world.run(6_000);
    expect(await reason(['n2', 'n3', 'n4'])).toMatch(/nothing is left elsewhere/);
    expect(world.failures).toEqual([]);
  });

  test('[F11] nor where only the node that is asked does not hear it', async () => {
    const world = await growingWorld(8);
    world.network.cut('n1', 'n3');
    await world.run(6_000);
    expect(await forget(world, 'n1', ['n3'], true)).toEqual({
      kind: 'refused',
      reason: 'node n3 is up: stop it for good first',
    });
    expect(world.failures).toEqual([]);
  });
});
