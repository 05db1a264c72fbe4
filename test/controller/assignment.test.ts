import { describe, expect, test } from 'vitest';
import type { ControllerCommand } from '../../src/controller/index.ts';
import { specOf } from '../support/world.ts';
import { formed, type TestController } from './support.ts';

/** Three groups, and one table with so many shards, which are served. */
async function withTable(shards = 6): Promise<TestController> {
  const controller = await formed(3);
  create(controller, 't', shards);
  controller.serve('t');
  return controller;
}

function create(controller: TestController, name: string, shards: number): void {
  const spec = specOf(name);
  controller.apply({ kind: 'create-table', spec, uuid: `uuid of ${name}`, createdAt: 1, shards });
}

function join(id: number, nodes: readonly string[] = [], request?: string): ControllerCommand {
  return { kind: 'join', groups: [{ id, nodes }], ...(request !== undefined && { request }) };
}

function leave(...groups: number[]): ControllerCommand {
  return { kind: 'leave', groups };
}

function homes({ shards }: TestController): number[] {
  return shards.map(({ home }) => home);
}

describe('groups', () => {
  test('[C1] [C6] a new group gets its share, and replicas with new ids on its nodes, the leader first', async () => {
    const controller = await withTable(8);
    const used = controller.machine.map.groups.flatMap(({ replicas }) => replicas);
    expect(controller.apply(join(7, ['n3', 'n1', 'n2'])).kind).toBe('done');
    const group = controller.machine.map.groups.at(-1);
    expect(group).toMatchObject({ id: 7, joined: true, leaving: [] });
    expect(group?.born).toEqual(group?.replicas);
    expect(group?.replicas.map(({ node }) => node)).toEqual(['n3', 'n1', 'n2']);
    const newest = Math.max(...used.map(({ replica }) => replica));
    for (const { replica } of group?.replicas ?? []) expect(replica).toBeGreaterThan(newest);
    expect(controller.shards.filter(({ movingTo }) => movingTo === 7)).toHaveLength(2);
    expect(controller.shards.filter(({ movingTo }) => movingTo !== 0)).toHaveLength(2);
  });

  test('one that left comes back as it was, with or without its nodes, and on other ones it is refused', async () => {
    const controller = await withTable();
    const { map } = controller.machine;
    controller.apply(leave(2));
    expect(controller.apply(join(2, ['n1']))).toEqual({
      kind: 'refused',
      reason: 'group 2 exists, and is on other nodes',
    });
    controller.apply(join(2));
    expect(controller.machine.map.groups).toEqual(map.groups);
    controller.apply(leave(2));
    controller.apply(join(2, ['n1', 'n2', 'n3']));
    expect(controller.machine.map.groups).toEqual(map.groups);
  });

  test('a repeated join finds its group also when a replica has moved meanwhile', async () => {
    const controller = await formed(4);
    const command = join(9, ['n1', 'n2', 'n3']);
    controller.apply(command);
    controller.apply({ kind: 'move-replica', group: 9, from: 'n1', to: 'n4' });
    const { map } = controller.machine;
    expect(controller.apply(command).kind).toBe('done');
    expect(controller.apply(join(9, ['n2', 'n3', 'n4'])).kind).toBe('done');
    expect(controller.machine.map).toBe(map);
  });

  test.each([
    [join(4), 'there is no group 4, and a new one needs nodes'],
    [join(4, ['n1', 'n9']), 'there is no node n9'],
    [join(4, ['n1', 'n2', 'n1']), 'group 4 can have one replica on n1, not two'],
    [join(-1, ['n1']), '-1 is no number of a group'],
    [leave(1, 8), 'there is no group 8'],
    [{ kind: 'move-shard', shard: 99, to: 1 }, 'there is no shard 99'],
    [{ kind: 'move-shard', shard: 1, to: 8 }, 'group 8 does not exist'],
  ] as const)(
    '%j is refused, naming what is wrong, and changes nothing',
    async (command, reason) => {
      const controller = await withTable();
      const { map } = controller.machine;
      expect(controller.apply(command)).toEqual({ kind: 'refused', reason });
      expect(controller.machine.map).toBe(map);
    },
  );

  test('of a command that names several groups all happens or nothing', async () => {
    const controller = await withTable();
    const { map } = controller.machine;
    const groups = [
      { id: 4, nodes: ['n1'] },
      { id: 5, nodes: ['elsewhere'] },
    ];
    expect(controller.apply({ kind: 'join', groups }).kind).toBe('refused');
    expect(controller.machine.map).toBe(map);
    // Nor is an id lost: the next group has the replica that group 4 would have had.
    controller.apply(join(6, ['n1']));
    const ids = map.groups.flatMap(({ replicas }) => replicas.map(({ replica }) => replica));
    expect(controller.machine.map.groups.at(-1)?.replicas[0]?.replica).toBe(Math.max(...ids) + 1);
  });
});

describe('the moves of one shard', () => {
  test('[C2] happen one at a time, in order: on its way to B a shard whose home becomes C goes on to C', async () => {
    const controller = await withTable(1);
    const [first] = controller.shards;
    if (!first) throw new Error('no shard');
    const { id, group: a } = first;
    const [b, c] = [1, 2, 3].filter((other) => other !== a) as [number, number];
    controller.apply({ kind: 'move-shard', shard: id, to: b });
    expect(controller.shard(id)).toEqual({ ...first, movingTo: b, home: b });
    controller.apply({ kind: 'move-shard', shard: id, to: c });
    expect(controller.shard(id)).toEqual({ ...first, movingTo: b, home: c });
    controller.arrive(id);
    expect(controller.shard(id)).toEqual({ ...first, group: b, movingTo: c, home: c, epoch: 2 });
    controller.arrive(id);
    expect(controller.shard(id)).toEqual({ ...first, group: c, movingTo: 0, home: c, epoch: 3 });
  });

  test('[C2] one that is to come back has to arrive first', async () => {
    const controller = await withTable(1);
    const { id, group: a } = controller.shards[0] as { id: number; group: number };
    const b = a === 1 ? 2 : 1;
    controller.apply({ kind: 'move-shard', shard: id, to: b });
    controller.apply({ kind: 'move-shard', shard: id, to: a });
    expect(controller.shard(id)).toMatchObject({ group: a, movingTo: b, home: a, epoch: 1 });
    controller.arrive(id);
    expect(controller.shard(id)).toMatchObject({ group: b, movingTo: a, home: a, epoch: 2 });
    controller.arrive(id);
    expect(controller.shard(id)).toMatchObject({ group: a, movingTo: 0, home: a, epoch: 3 });
  });

  test('[C2] [S2] an arrival that was told before, or of another epoch, changes nothing', async () => {
    const controller = await withTable(1);
    const { id, group } = controller.shards[0] as { id: number; group: number };
    controller.apply({ kind: 'move-shard', shard: id, to: group === 1 ? 2 : 1 });
    const told = { kind: 'shard-moved', shard: id, epoch: 2 } as const;
    controller.apply({ ...told, epoch: 3 });
    expect(controller.shard(id).epoch).toBe(1);
    controller.apply(told);
    controller.apply({ kind: 'move-shard', shard: id, to: group });
    const { map } = controller.machine;
    controller.apply(told);
    expect(controller.machine.map).toBe(map);
    expect(controller.shard(id)).toMatchObject({ movingTo: group, epoch: 2 });
  });

  test('[C2] one that is still being created begins where it was to, and moves once it is served', async () => {
    const controller = await formed(3);
    create(controller, 't', 1);
    const { id, group } = controller.shards[0] as { id: number; group: number };
    controller.apply(leave(group));
    const { home } = controller.shard(id);
    expect(home).not.toBe(group);
    expect(controller.shard(id)).toMatchObject({ group, movingTo: 0, state: 'creating' });
    controller.serve('t');
    expect(controller.shard(id)).toMatchObject({ group, movingTo: home, state: 'serving' });
    expect(controller.table('t').status).toBe('ACTIVE');
  });
});

describe('without any group', () => {
  test('[C1] [C4] shards stay served where they are, and go to whoever joins then', async () => {
    const controller = await withTable(6);
    const before = controller.shards;
    controller.apply(leave(1, 2, 3));
    expect(controller.shards).toEqual(before.map((shard) => ({ ...shard, home: 0 })));
    // Group 2 keeps its own, and gets those of the others.
    controller.apply(join(2));
    for (const [i, shard] of controller.shards.entries()) {
      const group = before[i]?.group;
      expect(shard).toMatchObject({ group, home: 2, movingTo: group === 2 ? 0 : 2 });
    }
  });

  test('[C1] groups that come back find their shards, and nothing moves', async () => {
    const controller = await withTable(6);
    const before = controller.shards;
    controller.apply(leave(1, 2, 3));
    const groups = [3, 1, 2].map((id) => ({ id, nodes: [] }));
    controller.apply({ kind: 'join', groups });
    expect(controller.shards).toEqual(before);
  });

  test('[C2] a move that is under way ends, and a shard stays where it arrived', async () => {
    const controller = await withTable(1);
    const { id, group } = controller.shards[0] as { id: number; group: number };
    const to = group === 1 ? 2 : 1;
    controller.apply({ kind: 'move-shard', shard: id, to });
    controller.apply(leave(1, 2, 3));
    expect(controller.shard(id)).toMatchObject({ group, movingTo: to, home: 0 });
    controller.arrive(id);
    expect(controller.shard(id)).toMatchObject({ group: to, movingTo: 0, home: 0 });
  });

  test('[F46] a new table waits for one, and begins there', async () => {
    const controller = await formed(3);
    controller.apply(leave(1, 2, 3));
    create(controller, 't', 4);
    expect(controller.shards.map(({ group }) => group)).toEqual([0, 0, 0, 0]);
    controller.apply({ kind: 'join', groups: [1, 3].map((id) => ({ id, nodes: [] })) });
    expect(controller.shards.map(({ group }) => group).toSorted()).toEqual([1, 1, 3, 3]);
    expect(homes(controller)).toEqual(controller.shards.map(({ group }) => group));
    expect(controller.shards.every(({ movingTo, epoch }) => movingTo === 0 && epoch === 1)).toBe(
      true,
    );
  });
});

describe('with tables that come and go', () => {
  test('[F46] shards of a table that is being deleted count for nothing and go nowhere', async () => {
    const controller = await withTable(3);
    create(controller, 'kept', 4);
    controller.serve('kept');
    const [moving] = controller.table('t').shards;
    if (!moving) throw new Error('no shard');
    const to = moving.group === 1 ? 2 : 1;
    controller.apply({ kind: 'move-shard', shard: moving.id, to });
    controller.apply({ kind: 'delete-table', table: controller.table('t').id, deletion: 'd' });
    const deleted = controller.table('t');
    expect(deleted.shards[0]).toEqual(moving);
    expect(controller.arrive(moving.id).kind).toBe('done');
    expect(controller.apply({ kind: 'move-shard', shard: moving.id, to })).toEqual({
      kind: 'refused',
      reason: `the table of shard ${moving.id} is being deleted`,
    });
    controller.apply(leave(1));
    expect(controller.table('t')).toEqual(deleted);
    expect(
      controller
        .table('kept')
        .shards.map(({ home }) => home)
        .toSorted(),
    ).toEqual([2, 2, 3, 3]);
    const configuration = controller.configuration(-1);
    expect(configuration).toMatchObject({ groups: [{ id: 2 }, { id: 3 }] });
    expect(JSON.stringify(configuration)).not.toContain(`{"id":${moving.id},`);
    // A new table goes to the groups that will have the fewest.
    create(controller, 'next', 2);
    expect(
      controller
        .table('next')
        .shards.map(({ home }) => home)
        .toSorted(),
    ).toEqual([2, 3]);
  });

  test('[F35] [F46] a table is not made again by a creation that comes once more after its end', async () => {
    const controller = await withTable(3);
    controller.remove('t');
    expect(controller.machine.map.tables).toEqual([]);
    create(controller, 't', 3);
    expect(controller.machine.map.tables).toEqual([]);
    expect(controller.create('t', 'another uuid').kind).toBe('created');
  });
});

describe('a command that comes once more, after others', () => {
  test('[F35] does not undo what they did, and gets its first answer', async () => {
    const controller = await withTable();
    const commands: ControllerCommand[] = [
      join(4, ['n1', 'n2', 'n3'], 'a'),
      { ...leave(4), request: 'b' } as ControllerCommand,
      { kind: 'move-shard', shard: 1, to: 2, request: 'c' },
      { kind: 'move-shard', shard: 1, to: 4, request: 'd' },
      join(1, [], 'e'), // which had nothing to do
      { kind: 'move-shard', shard: 1, to: 3, request: 'f' },
      { ...leave(1), request: 'g' } as ControllerCommand,
    ];
    const outcomes = commands.map((command) => controller.apply(command));
    expect(outcomes.map(({ kind }) => kind)).toEqual([
      'done',
      'done',
      'done',
      'refused',
      'done',
      'done',
      'done',
    ]);
    const { map } = controller.machine;
    expect(commands.map((command) => controller.apply(command))).toEqual(outcomes);
    controller.machine.restore(controller.state);
    expect(commands.map((command) => controller.apply(command))).toEqual(outcomes);
    expect(controller.machine.map).toEqual(map);
    // The same wish under another token is another one.
    controller.apply(join(4, [], 'h'));
    expect(controller.machine.map.groups.at(-1)?.joined).toBe(true);
  });
});
