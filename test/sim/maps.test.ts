import { describe, expect, test } from 'vitest';
import type { ClusterMap, GroupRecord } from '../../src/controller/index.ts';
import { Maps } from '../../src/sim/check/maps.ts';
import { mapOf } from '../support/nodes.ts';
import { createTable, formedWorld } from '../support/world.ts';

const world = await formedWorld(1, { nodes: 5 });
await createTable(world, 't');
const FIRST = mapOf(world);

/** Is seen after the first one. */
function lookAt(change: (map: ClusterMap) => Partial<ClusterMap>, number = FIRST.number + 1): void {
  const maps = new Maps();
  maps.look(FIRST);
  maps.look({ ...FIRST, ...change(FIRST), number });
}

function withGroup(id: number, change: (group: GroupRecord) => Partial<GroupRecord>) {
  return ({ groups }: ClusterMap) => ({
    groups: groups.map((group) => (group.id === id ? { ...group, ...change(group) } : group)),
  });
}

/** As if replicas of the group went to the nodes that have none of it. */
function moved({ replicas, plan }: GroupRecord, count: number): Partial<GroupRecord> {
  const free = FIRST.nodes.filter(({ name }) => replicas.every(({ node }) => node !== name));
  const added = free
    .slice(0, count)
    .map(({ name, incarnation }, i) => ({ replica: 1_000 + i, node: name, incarnation }));
  return {
    replicas: [...replicas.slice(count), ...added],
    leaving: replicas.slice(0, count),
    plan: plan + 1,
    changing: true,
  };
}

describe("the check of the controller's maps", () => {
  test('[C5] finds nothing wrong with those of a cluster', () => {
    expect(() => lookAt(() => ({}))).not.toThrow();
    expect(() => lookAt(withGroup(1, (group) => moved(group, 1)))).not.toThrow();
  });

  test('[S3] tells two maps with one number apart, whatever the order of their fields', () => {
    const maps = new Maps();
    const first = { ...FIRST, number: 80 };
    maps.look(first);
    maps.look({ ...FIRST, number: 81 });
    const { tables, groups, ...rest } = first;
    expect(() => maps.look({ tables, groups, ...rest })).not.toThrow();
    maps.look({ ...FIRST, number: 82 });
    expect(() => maps.look({ ...first, nodes: [] })).toThrow('[S3]');
  });

  test('[G15] a group gets one replica with each map', () => {
    const two = withGroup(1, (group) => moved(group, 2));
    expect(() => lookAt(two)).toThrow('[G15]');
    expect(() => lookAt(two, FIRST.number + 2)).not.toThrow();
  });

  test('[C4] a group with other replicas has a newer plan', () => {
    const same = withGroup(1, (group) => ({ ...moved(group, 1), plan: group.plan }));
    expect(() => lookAt(same)).toThrow('[C4]');
    const fewer = withGroup(1, ({ replicas }) => ({ replicas: replicas.slice(1) }));
    expect(() => lookAt(fewer)).toThrow('[C4]');
    expect(() => lookAt(withGroup(1, () => ({ plan: -1 })))).toThrow('[C4]');
    const turned = withGroup(1, ({ replicas }) => ({ replicas: replicas.toReversed() }));
    expect(() => lookAt(turned)).not.toThrow();
  });

  test('[C5] [C6] replicas are on nodes that are there, each on its own, and keep their ids', () => {
    expect(() => lookAt(({ nodes }) => ({ nodes: nodes.slice(1) }))).toThrow('[C5]');
    const twice = withGroup(1, ({ replicas, plan }) => ({
      replicas: [...replicas, ...replicas.slice(0, 1).map((first) => ({ ...first, replica: 999 }))],
      plan: plan + 1,
    }));
    expect(() => lookAt(twice)).toThrow('has two replicas on one node');
    const leaving = withGroup(1, ({ replicas }) => ({ leaving: replicas.slice(0, 1) }));
    expect(() => lookAt(leaving)).toThrow('[C5]');
    const again = withGroup(1, ({ replicas }) => ({
      replicas: replicas.map((record, i) => (i === 0 ? { ...record, replica: 1 } : record)),
    }));
    expect(() => lookAt(again)).toThrow('[C6]');
  });

  test('[C5] shards cover every hash, on groups that are there', () => {
    const without = ({ tables }: ClusterMap) => ({
      tables: tables.map((table) => ({ ...table, shards: table.shards.slice(1) })),
    });
    expect(() => lookAt(without)).toThrow('[C5]');
    expect(() => lookAt(({ groups }) => ({ groups: groups.slice(0, -1) }))).toThrow('[C5]');
  });
});
