import { describe, expect, test } from 'vitest';
import { utf8Text } from '../../src/bytes/index.ts';
import type { GroupRecord } from '../../src/controller/index.ts';
import type { Node } from '../../src/node/index.ts';
import { differences } from '../../src/sim/check/contents.ts';
import type { World } from '../../src/sim/index.ts';
import { createTable, formedWorld, get, put, routerOf } from '../support/world.ts';

function held(world: World, name: string): number[] {
  return [...(world.machine(name).node?.replicas.all() ?? [])].map(({ group }) => group).toSorted();
}

describe('replicas', { timeout: 30_000 }, () => {
  test('[C6] [C5] a node holds exactly what the records give it, and no id twice in the cluster', async () => {
    const world = await formedWorld(1, { nodes: 5 });
    await world.run(2_000);
    const map = world.machine('n1').node?.map;
    const ids: number[] = [];
    for (const { id, replicas } of map?.groups ?? []) {
      expect(new Set(replicas.map(({ node }) => node)).size).toBe(3);
      for (const { node, replica, incarnation } of replicas) {
        ids.push(replica);
        expect(held(world, node)).toContain(id);
        expect(incarnation).toBe(map?.nodes.find(({ name }) => name === node)?.incarnation);
      }
    }
    expect(new Set(ids).size).toBe(3 + 15);
    for (const { name } of world.machines) {
      const given = (map?.groups ?? []).filter((g) => g.replicas.some(({ node }) => node === name));
      expect(held(world, name)).toEqual(given.map(({ id }) => id));
    }
  });

  /** While the disk is slow: a map, and soon after it another one, in which n1 has no replica of group 1. */
  async function twoMaps(world: World): Promise<Node> {
    const machine = world.machine('n1');
    const { node } = machine;
    if (!node) throw new Error('n1 does not run');
    const { map } = node;
    machine.diskLatencyMs = [5, 5];
    const learn = (number: number, change: (group: GroupRecord) => Partial<GroupRecord>) => {
      const groups = map.groups.map((group) =>
        group.id === 1 ? { ...group, ...change(group) } : group,
      );
      node.learnMap({ ...map, number, groups });
    };
    learn(1_001, () => ({ changing: true }));
    await world.run(6);
    learn(1_002, ({ replicas }) => ({ replicas: replicas.filter((one) => one.node !== 'n1') }));
    return node;
  }

  // World 66: the disk said that it had a replica, and log and engine had forgotten it with its votes.
  test('[C6] [R1] [F17] a replica goes only once the disk knows of it, also when maps follow each other fast', async () => {
    const world = await formedWorld(1);
    const node = await twoMaps(world);
    await world.until(() => node.replicas.get(1) === undefined);
    const { disk } = world.machine('n1');
    expect(JSON.parse(utf8Text(disk.content('replicas').subarray(4)))).toMatchObject({
      number: 1_002,
    });
  });

  // World 607: the map did not come to the disk any more, the replica went from it all the same, and no start found it.
  test('[C6] [R1] [L4] nothing goes from a node that stops before the disk knows of it', async () => {
    const world = await formedWorld(1);
    const node = await twoMaps(world);
    // As when it stops, and its log has much to write before it closes.
    void node.replicas.close();
    await world.run(200);
    const { disk } = world.machine('n1');
    expect(JSON.parse(utf8Text(disk.content('replicas').subarray(4)))).toMatchObject({
      number: 1_001,
    });
    expect(node.replicas.get(1)).toBeDefined();
  });

  // World 2862: the log had closed by the time that the replica was to be deleted from it.
  test('[C6] [L4] [F17] a node that stops while a replica goes waits for that', async () => {
    const world = await formedWorld(1);
    const machine = world.machine('n1');
    const node = await twoMaps(world);
    const held: (() => void)[] = [];
    machine.holdEngine = (step) => held.push(step);
    await world.until(() => node.replicas.get(1) === undefined && held.length > 0);
    let isClosed = false;
    void node.replicas.close().then(() => {
      isClosed = true;
    });
    await world.run(500);
    expect(isClosed).toBe(false);
    machine.holdEngine = undefined;
    for (const step of held) step();
    await world.until(() => isClosed);
    await world.stop('n1');
    await world.start('n1');
    await world.until(() => world.isReady);
    expect(world.failures).toEqual([]);
  });

  test('[C6] replicas come back after a restart although no controller answers', async () => {
    const world = await formedWorld(2, { nodes: 5 });
    await createTable(world, 't');
    const before = ['n4', 'n5'].map((name) => held(world, name));
    world.powerOff('n1', 'n2', 'n3', 'n4', 'n5');
    await world.start('n4', 'n5');
    await world.run(4_000);
    expect(['n4', 'n5'].map((name) => held(world, name))).toEqual(before);
    // Groups 3 and 4 have two of their three replicas on these two nodes.
    for (const group of [3, 4]) expect(world.leader(group)?.isRunning).toBe(true);
    for (const group of [1, 2]) expect(world.leader(group)).toBeUndefined();
  });

  test('[F1] [F2] [D1] what was acknowledged is there after every machine lost power, several times', async () => {
    const world = await formedWorld(3, {
      limits: { logSegmentBytes: 64 * 1024, memtableBytes: 16 * 1024 },
    });
    const table = await createTable(world, 't');
    for (let round = 0; round < 5; round++) {
      for (let k = 0; k < 25; k++) {
        const via = `n${1 + (k % 3)}`;
        expect(
          await world.settle(put(routerOf(world, via), table, `k${round} ${k}`, 'x'.repeat(200))),
        ).toMatchObject({ kind: 'written' });
      }
      world.powerOff('n1', 'n2', 'n3');
      await world.run(100);
      await world.start();
      await world.until(() => world.isReady, 10_000);
      for (let r = 0; r <= round; r++) {
        for (let k = 0; k < 25; k += 4) {
          expect(await world.settle(get(routerOf(world, 'n2'), table, `k${r} ${k}`))).toBe(
            'x'.repeat(200),
          );
        }
      }
    }
    await world.run(500);
    expect(differences(world)).toEqual([]);
    expect(world.failures).toEqual([]);
  });

  test('[F6] [L1] a disk that fails ends its process, and the others go on', async () => {
    const world = await formedWorld(4);
    const table = await createTable(world, 't');
    world.machine('n1').disk.fault = ({ kind }) => (kind === 'write' ? 'failed' : undefined);
    expect(await world.settle(put(routerOf(world, 'n2'), table, 'a', '1'))).toMatchObject({
      kind: 'written',
    });
    await world.run(3_000);
    expect(world.machine('n1').exits.map(({ kind }) => kind)).toEqual(['failed']);
    for (let k = 0; k < 10; k++) {
      expect(await world.settle(put(routerOf(world, 'n3'), table, `k${k}`, '1'))).toMatchObject({
        kind: 'written',
      });
    }
  });
});
