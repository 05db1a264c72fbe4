import { describe, expect, test } from 'vitest';
import { areCaughtUp } from '../../src/sim/check/contents.ts';
import {
  ask,
  exitsOf,
  expectNothingLost,
  growingWorld,
  holds,
  isEven,
  isSettled,
  loads,
  mapOf,
} from '../support/nodes.ts';
import { SMALL } from '../support/scenario.ts';
import { Workload } from '../support/workload.ts';
import { createTable, get, makeWorld, put, routerOf } from '../support/world.ts';

const SEEDS = [1, 2, 3, 4];

describe('a node joins', { timeout: 60_000 }, () => {
  test.each(SEEDS)(
    '[C5] [C6] [C7] while writes go on it gets its share, and nothing is lost (seed %i)',
    async (seed) => {
      const world = await growingWorld(seed, { nodes: 5 });
      const table = await createTable(world, 't');
      const workload = new Workload(world, table, { seed, thinkMs: [10, 40], keys: 20 });
      await world.run(500);
      await world.join('n4');
      await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
      await world.join('n5');
      await world.until(() => mapOf(world).nodes.length === 5 && isEven(world));
      const { nodes, groups } = mapOf(world);
      expect(groups.map(({ id }) => id)).toEqual([0, 1, 2, 3, 4, 5]);
      expect(nodes.map(({ group }) => group)).toEqual([1, 2, 3, 4, 5]);
      const preferred = groups.slice(1).map(({ replicas }) => replicas[0]?.node);
      expect(new Set(preferred).size).toBe(5);
      await world.until(() =>
        [1, 2, 3, 4, 5].every((id) => world.leader(id)?.name === preferred[id - 1]),
      );
      // A router without a replica of the group that it asks.
      expect(await world.settle(put(routerOf(world, 'n5'), table, 'new', '1'))).toMatchObject({
        kind: 'written',
      });
      await expectNothingLost(world, workload);
      const names = world.machines.map(({ name }) => name);
      world.powerOff(...names);
      await world.start(...names);
      await world.until(() => world.isReady && areCaughtUp(world));
      expect(world.failures).toEqual([]);
    },
  );

  test.each(SEEDS)(
    '[C7] [F15] several at once, and then every connection stays (seed %i)',
    async (seed) => {
      const world = await growingWorld(seed, { nodes: 7 });
      await world.join('n4', 'n5', 'n6', 'n7');
      await world.until(() => mapOf(world).nodes.length === 7 && isEven(world));
      await world.run(1_000);
      let hellos = 0;
      world.network.onArrival = ({ bytes }) => {
        if (Buffer.from(bytes).includes('"listHash"')) hellos++;
      };
      await world.run(5_000);
      expect(hellos).toBe(0);
    },
  );

  test('[L4] [C7] with a slow disk it is taken in once its log has more than the short first segment', async () => {
    const logSegmentBytes = 4 * 1024 * 1024;
    const world = await growingWorld(2, { limits: { logSegmentBytes } });
    const machine = world.machine('n4');
    machine.diskLatencyMs = [20, 40];
    void machine.start([], { join: ['n2:7000'] });
    await world.until(() => mapOf(world).nodes.length === 4);
    const disk = machine.disk.process();
    const sizes = (await world.settle(disk.list('log'))).map(async (name) => {
      return (await disk.open(`log/${name}`)).size();
    });
    expect(await world.settle(Promise.all(sizes))).toContain(logSegmentBytes);
  });

  test('[R6] [C6] reads through it do not wait for what its replicas still lack', async () => {
    const limits = { ...SMALL, snapshotBytesPerSecond: 64 * 1024 };
    const world = await growingWorld(3, { limits });
    const table = await createTable(world, 't');
    const value = 'x'.repeat(1_000);
    const keys = Array.from({ length: 300 }, (_, i) => `${i}`);
    const { time } = world;
    for (const key of keys) await world.settle(put(routerOf(world, 'n1'), table, key, value));
    await world.join('n4');
    await world.until(() => [1, 2, 3].some((id) => world.machine('n4').node?.replicas.get(id)));
    const came = time.now;
    let longestMs = 0;
    for (let i = 0; !isEven(world); i++) {
      const askedAt = time.now;
      const read = get(routerOf(world, 'n4'), table, keys[i % keys.length] as string);
      expect(await world.settle(read)).toBe(value);
      longestMs = Math.max(longestMs, time.now - askedAt);
    }
    expect(time.now - came).toBeGreaterThan(2_000);
    expect(longestMs).toBeLessThan(100);
  });

  test.each([1, 2])('[C5] a cluster of %i grows to three replicas a group', async (firstNodes) => {
    const world = await growingWorld(firstNodes, { nodes: 3, firstNodes });
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed: 1, thinkMs: [10, 40], keys: 20 });
    await world.run(500);
    for (const { name } of world.machines.slice(firstNodes)) {
      await world.join(name);
      await world.until(
        () => mapOf(world).nodes.some((node) => node.name === name) && isEven(world),
      );
    }
    expect(loads(world)).toEqual({ n1: 4, n2: 4, n3: 4 });
    await expectNothingLost(world, workload);
  });

  test('[C7] one that finds no cluster waits and says so, and joins when there is one', async () => {
    const world = makeWorld(3, { nodes: 4, firstNodes: 3, limits: SMALL });
    await world.join('n4');
    await world.start('n1', 'n2');
    await world.run(10_000);
    expect(world.machine('n4').notices.at(-1)).toMatch(/waits for n1:7000, .* to be let in/);
    await world.start('n3');
    await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
    expect(world.machines.flatMap(({ exits }) => exits)).toEqual([]);
  });

  test('[C7] [R7] [F29] a name is taken as long as its node is not removed', async () => {
    const world = await growingWorld(4);
    await world.join('n4');
    await world.until(() => isEven(world) && mapOf(world).nodes.length === 4);
    world.kill('n4');
    world.machine('n4').wipe();
    await world.join('n4');
    await world.run(3_000);
    expect(exitsOf(world, 'n4')).toEqual([expect.stringMatching(/another data directory|removed/)]);
    expect(await ask(world, { kind: 'remove-node', node: 'n4' })).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(/holds replicas of groups/),
    });
    expect(await ask(world, { kind: 'drain-node', node: 'n4' })).toEqual({ kind: 'done' });
    await world.until(() => !holds(world, 'n4'));
    expect(await ask(world, { kind: 'remove-node', node: 'n4' })).toEqual({ kind: 'done' });
    await world.join('n4');
    await world.until(() => isEven(world) && mapOf(world).nodes.length === 4);
    expect(mapOf(world).nodes.at(-1)).toMatchObject({ name: 'n4', group: 5 });
    expect(exitsOf(world, 'n4')).toHaveLength(1);
    expect(world.failures).toEqual([]);
  });

  test('[C7] an empty node with a list never forms where there is a cluster, and is told how to join', async () => {
    const world = await growingWorld(5);
    const machine = world.machine('n4');
    await world.settle(machine.start([...world.list, machine.peer]));
    await world.run(3_000);
    expect(exitsOf(world, 'n4')).toEqual([expect.stringMatching(/start with --join/)]);
    await world.join('n4');
    await world.until(() => isEven(world) && mapOf(world).nodes.length === 4);
  });

  test('[C7] [F17] the node that joins loses power at any moment', async () => {
    for (let moment = 1; moment < 40; moment += 3) {
      const world = await growingWorld(6);
      void world.machine('n4').start([], { join: ['n2:7000'] });
      await world.run(moment);
      if (world.machine('n4').isRunning) world.powerOff('n4');
      await world.run(300);
      await world.join('n4');
      await world.until(() => isEven(world) && mapOf(world).nodes.length === 4);
      expect(mapOf(world).groups).toHaveLength(5);
      expect(world.machines.flatMap(({ exits }) => exits)).toEqual([]);
    }
  });

  // World 302000 of five nodes: it ended with an error of the disk, as if it were broken.
  test('[C7] [L4] one whose disk is full by the time that it is let in says so in one line', async () => {
    const world = await growingWorld(10);
    const machine = world.machine('n4');
    for (const name of world.others('n4')) world.network.cut('n4', name);
    void machine.start([], { join: ['n2:7000'] });
    await world.run(1_000);
    machine.disk.capacityBytes = machine.disk.usedBytes;
    world.heal();
    await world.until(() => !machine.isRunning);
    expect(machine.exits).toEqual([
      expect.objectContaining({ kind: 'refused', reason: expect.stringMatching(/no room/) }),
    ]);
    machine.disk.capacityBytes = Number.POSITIVE_INFINITY;
    await world.run(1_000);
    await world.join('n4');
    await world.until(() => isEven(world) && mapOf(world).nodes.length === 4);
    expect(world.failures).toEqual([]);
  });

  test('[F16] the others find a node at another address', async () => {
    for (const name of ['n1', 'n3']) {
      const world = await growingWorld(7);
      await world.stop(name);
      world.machine(name).peerPort = 7_001;
      await world.start(name);
      await world.until(() => mapOf(world).nodes.some(({ peer }) => peer === `${name}:7001`));
      for (const other of world.others(name).slice(0, 2)) world.kill(other);
      await world.start();
      await world.until(() => world.isReady && areCaughtUp(world));
      expect(world.failures).toEqual([]);
    }
  });
});

describe('a node is drained', { timeout: 60_000 }, () => {
  test.each(SEEDS)('[C5] [C6] while writes go on, and nothing is lost (seed %i)', async (seed) => {
    const world = await growingWorld(seed);
    const table = await createTable(world, 't');
    const workload = new Workload(world, table, { seed, thinkMs: [10, 40], keys: 20 });
    await world.join('n4');
    await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
    expect(await ask(world, { kind: 'drain-node', node: 'n4' })).toEqual({ kind: 'done' });
    expect(await ask(world, { kind: 'drain-node', node: 'n4' })).toEqual({ kind: 'done' });
    await world.until(() => !holds(world, 'n4') && isSettled(world));
    expect(loads(world)).toEqual({ n1: 4, n2: 4, n3: 4, n4: 0 });
    await expectNothingLost(world, workload);
  });

  test.each([...SEEDS, 5, 6])(
    '[C5] [C6] [F26] of the controller: another takes over, and who was removed is told so (seed %i)',
    async (seed) => {
      const world = await growingWorld(seed);
      await world.join('n4');
      await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
      expect(await ask(world, { kind: 'remove-node', node: 'n1' })).toMatchObject({
        kind: 'refused',
      });
      expect(await ask(world, { kind: 'drain-node', node: 'n1' })).toEqual({ kind: 'done' });
      await world.until(() => !holds(world, 'n1'));
      expect(mapOf(world).groups.map(({ id }) => id)).toEqual([0, 2, 3, 4]);
      await world.until(() => isEven(world));
      await world.until(() => [...(world.machine('n1').node?.replicas.all() ?? [])].length === 0);
      expect(await ask(world, { kind: 'remove-node', node: 'n1' })).toEqual({ kind: 'done' });
      await world.until(() => !world.machine('n1').isRunning, 10_000);
      expect(exitsOf(world, 'n1')).toEqual([expect.stringMatching(/n1 was removed from cluster/)]);
      await world.run(10);
      await world.start('n1');
      await world.run(3_000);
      expect(exitsOf(world, 'n1')[1]).toMatch(/n1 was removed from cluster/);
      // All others find the controller and each other again, whatever their first list said.
      world.powerOff('n2', 'n3', 'n4');
      await world.start('n2', 'n3', 'n4');
      await world.until(() => world.isReady && isEven(world));
      world.machine('n1').wipe();
      await world.settle(world.machine('n1').start([], { join: ['n4:7000'] }));
      await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
      expect(world.failures).toEqual([]);
    },
  );

  test('[C5] the last one can not be', async () => {
    const world = await growingWorld(1, { nodes: 2, firstNodes: 2 });
    expect(await ask(world, { kind: 'drain-node', node: 'n2' })).toEqual({ kind: 'done' });
    await world.until(() => !holds(world, 'n2'));
    expect(await ask(world, { kind: 'drain-node', node: 'n1' })).toMatchObject({ kind: 'refused' });
    expect(await ask(world, { kind: 'drain-node', node: 'n9' })).toMatchObject({ kind: 'refused' });
    expect(world.failures).toEqual([]);
  });
});

describe('a node dies', { timeout: 60_000 }, () => {
  const replaceAfterMs = 5_000;

  test.each(SEEDS)(
    '[C5] [F26] [F34] its replicas go to others, the controller too, and it is as new when it comes back (seed %i)',
    async (seed) => {
      const world = await growingWorld(seed, { replaceAfterMs });
      const table = await createTable(world, 't');
      const workload = new Workload(world, table, { seed, thinkMs: [10, 40], keys: 20 });
      await world.join('n4');
      await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
      world.powerOff('n1');
      await world.run(3_000);
      expect(holds(world, 'n1')).toBe(true);
      await world.until(() => !holds(world, 'n1'));
      await world.start('n1');
      await world.until(() => isEven(world));
      expect(Math.min(...Object.values(loads(world)))).toBeGreaterThan(2);
      await expectNothingLost(world, workload);
    },
  );

  // World 210: it took the last leader that it had heard for one that leads it, and asked nobody for the map any more.
  test('[C4] [C6] one that was to get a replica of the controller, and was lost on the way, learns who has it', async () => {
    const world = await growingWorld(1, { nodes: 5, replaceAfterMs });
    await world.join('n4', 'n5');
    await world.until(() => mapOf(world).nodes.length === 5 && isEven(world));
    const controllers = mapOf(world).groups[0]?.replicas.map(({ node }) => node) ?? [];
    const [to = ''] = ['n4', 'n5'].filter((name) => !controllers.includes(name));
    const [from = ''] = controllers.filter((name) => name !== world.leader(0)?.name);
    expect(await ask(world, { kind: 'move-replica', group: 0, from, to })).toEqual({
      kind: 'done',
    });
    const machine = world.machine(to);
    while ((machine.node?.replicas.controller?.replica.leader ?? 0) === 0) await world.run(1);
    expect(machine.node?.replicas.controller?.replica.raft.config.incoming).toEqual([]);
    world.isolate(to);
    const holdsController = () => {
      const group = mapOf(world).groups[0];
      return group?.changing || group?.replicas.some(({ node }) => node === to);
    };
    await world.until(() => !holdsController());
    world.heal();
    await world.until(() => machine.node?.map.number === mapOf(world).number && isEven(world));
    expect(world.failures).toEqual([]);
  });

  test('[C5] one that is back in time keeps them', async () => {
    const world = await growingWorld(1, { replaceAfterMs });
    await world.join('n4');
    await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
    const { groups } = mapOf(world);
    for (let i = 0; i < 4; i++) {
      world.powerOff('n4');
      await world.run(3_000);
      await world.start('n4');
      await world.run(2_000);
    }
    expect(mapOf(world).groups).toEqual(groups);
  });

  test('[C5] [F11] one that only the leader of the controller does not hear keeps them', async () => {
    const world = await growingWorld(4, { replaceAfterMs });
    await world.join('n4');
    await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
    const { groups } = mapOf(world);
    const leader = () => world.leader(0)?.name ?? '';
    const before = leader();
    world.network.cut(before, 'n4');
    await world.run(4 * replaceAfterMs);
    expect(leader()).toBe(before);
    expect(mapOf(world).groups).toEqual(groups);
    for (const other of world.others('n4')) world.network.cut(other, 'n4');
    await world.until(() => !holds(world, 'n4'));
    expect(world.failures).toEqual([]);
  });

  test('[C5] nothing moves where too few are left to agree, nor for a leader that was cut off', async () => {
    const world = await growingWorld(2, { replaceAfterMs });
    await world.join('n4');
    await world.until(() => mapOf(world).nodes.length === 4 && isEven(world));
    const { groups } = mapOf(world);
    for (const { name } of world.machines) world.isolate(name);
    await world.run(20_000);
    world.heal();
    await world.until(() => world.isReady);
    await world.run(3_000);
    expect(mapOf(world).groups).toEqual(groups);
  });
});
