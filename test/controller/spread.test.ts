import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type ClusterMap,
  type ControllerCommand,
  ControllerMachine,
  encodeControllerCommand,
  type NodeName,
  nextSteps,
  type Step,
} from '../../src/controller/index.ts';

/** Steps until nothing is to be done must not need more rounds than this. */
const ROUNDS_MAX = 60;

/** A controller whose groups do what is asked of them. */
class Cluster {
  readonly machine = new ControllerMachine();
  #dead: readonly NodeName[] = [];

  constructor(zones: readonly string[]) {
    const nodes = zones.map((zone, i) => nodeOf(i + 1, zone));
    this.apply({ kind: 'form', clusterId: 'aa', nodes });
  }

  get map(): ClusterMap {
    return this.machine.map;
  }

  apply(command: ControllerCommand): void {
    this.machine.apply(encodeControllerCommand(command));
  }

  /** Everything up to the end, and the steps on the way. */
  settle(dead: readonly NodeName[] = this.#dead): Step[] {
    this.#dead = dead;
    const all: Step[] = [];
    for (let round = 0; round < ROUNDS_MAX; round++) {
      const steps = nextSteps(this.map, { down: [], dead });
      if (steps.length === 0) return all;
      expect(steps).toEqual(nextSteps(this.map, { down: [], dead }));
      all.push(...steps);
      const { number } = this.map;
      this.apply({ kind: 'place', down: [], dead });
      expect(this.map.number).toBe(number + 1);
      for (const { id, replicas, plan, changing } of this.map.groups) {
        expectApart(replicas.map(({ node }) => node));
        const ids = replicas.map(({ replica }) => replica);
        if (changing) this.apply({ kind: 'members-settled', group: id, plan, replicas: ids });
      }
    }
    throw new Error(`no end of ${JSON.stringify(all.slice(-6))}`);
  }

  loads(): Map<NodeName, number> {
    return loadsOf(this.map);
  }
}

function nodeOf(number: number, zone = '') {
  const name = `n${number}`;
  return { name, incarnation: `i${number}`, http: `${name}:80`, peer: `${name}:70`, zone };
}

function loadsOf({ nodes, groups }: ClusterMap): Map<NodeName, number> {
  const on = (name: NodeName) =>
    groups.filter(({ replicas }) => replicas.some(({ node }) => node === name)).length;
  return new Map(nodes.map(({ name }) => [name, on(name)]));
}

function expectApart(nodes: readonly NodeName[]): void {
  expect(new Set(nodes).size).toBe(nodes.length);
}

function spreadOf(counts: readonly number[]): number {
  return Math.max(...counts) - Math.min(...counts);
}

const zones = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { minLength: 1, maxLength: 7 });
const troubles = fc.array(
  fc.record({
    kind: fc.constantFrom('add', 'drain', 'die', 'live'),
    which: fc.nat(20),
    zone: fc.constantFrom('a', 'b', 'c', 'd'),
  }),
  { maxLength: 8 },
);

describe('the steps of the placement', () => {
  test('[C5] a cluster that has just been formed needs none', () => {
    for (let count = 1; count < 9; count++) {
      expect(new Cluster(Array(count).fill('')).settle()).toEqual([]);
    }
  });

  test('[C5] end with replicas on different nodes and zones, evenly, whatever comes and goes', () => {
    fc.assert(
      fc.property(zones, troubles, (first, events) => {
        const cluster = new Cluster(first);
        cluster.settle();
        let dead: NodeName[] = [];
        let next = first.length + 1;
        for (const { kind, which, zone } of events) {
          const { name } = cluster.map.nodes[which % cluster.map.nodes.length] as { name: string };
          if (kind === 'add') cluster.apply({ kind: 'add-node', node: nodeOf(next++, zone) });
          if (kind === 'drain') cluster.apply({ kind: 'drain-node', node: name });
          // One at a time dies, or its groups would have no majority.
          if (kind === 'die') dead = [name];
          if (kind === 'live') dead = [];
          cluster.settle(dead);
        }
        cluster.settle([]);
        const { nodes, groups } = cluster.map;
        const takers = nodes.filter(({ draining }) => !draining);
        const zoneOf = new Map(nodes.map((node) => [node.name, node.zone]));
        const zoneCount = new Set(takers.map(({ zone }) => zone)).size;
        const size = Math.min(3, takers.length);
        for (const { replicas } of groups) {
          expect(replicas).toHaveLength(size);
          for (const { node } of replicas)
            expect(takers.some(({ name }) => name === node)).toBe(true);
          const used = new Set(replicas.map(({ node }) => zoneOf.get(node)));
          expect(used.size).toBe(Math.min(size, zoneCount));
        }
        expect(groups).toHaveLength(1 + takers.length);
        if (zoneCount === 1) {
          const counts = takers.map(({ name }) => cluster.loads().get(name) ?? 0);
          expect(spreadOf(counts)).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('[C5] a node that joins gets its share with the fewest moves, all of them to it, and leads its group', () => {
    for (let count = 3; count < 12; count++) {
      const cluster = new Cluster(Array(count).fill(''));
      const name = `n${count + 1}`;
      cluster.apply({ kind: 'add-node', node: nodeOf(count + 1) });
      const moves = cluster.settle().filter(({ kind }) => kind === 'replace');
      const counts = [...cluster.loads().values()];
      expect(spreadOf(counts)).toBeLessThanOrEqual(1);
      // Its own group is there from the start.
      expect(moves).toHaveLength((cluster.loads().get(name) ?? 0) - 1);
      expect(moves.every((move) => 'to' in move && move.to === name)).toBe(true);
      const leaders = cluster.map.groups.slice(1).map(({ replicas }) => replicas[0]?.node);
      expect(new Set(leaders).size).toBe(count + 1);
    }
  });

  test('[C5] no step is for a group that has lost its majority, nor puts anything on a node that is away', () => {
    const cluster = new Cluster(Array(5).fill(''));
    const steps = nextSteps(cluster.map, { down: [], dead: ['n1', 'n2'] });
    const asked = steps.flatMap((step) => (step.kind === 'replace' ? [step.group] : []));
    for (const { id, replicas } of cluster.map.groups) {
      const lost = replicas.filter(({ node }) => node === 'n1' || node === 'n2').length;
      if (lost > 0) expect(asked.includes(id)).toBe(lost === 1);
    }
    cluster.apply({ kind: 'add-node', node: nodeOf(6) });
    expect(nextSteps(cluster.map, { down: ['n6'], dead: [] })).toEqual([]);
  });

  test('[C5] a replica whose node dies on its way in is sent elsewhere', () => {
    const cluster = new Cluster(Array(5).fill(''));
    cluster.apply({ kind: 'move-replica', group: 1, from: 'n1', to: 'n4' });
    cluster.apply({ kind: 'place', down: [], dead: ['n4'] });
    const group = cluster.map.groups.find(({ id }) => id === 1);
    expect(group?.replicas.map(({ node }) => node)).toEqual(['n5', 'n2', 'n3']);
    expect(group?.leaving.map(({ node }) => node)).toEqual(['n1', 'n4']);
  });

  // Worlds 4210 and 6925: a node that ended at every start was to be emptied, and two groups waited for it to come in.
  test('[C5] [F26] a replica on its way to a node that is dead or to be emptied is sent elsewhere, or back where there is nobody else', () => {
    for (const end of ['dies', 'is drained']) {
      const cluster = new Cluster(Array(4).fill(''));
      const group = () => cluster.map.groups.find(({ id }) => id === 1);
      const placed = () => group()?.replicas.map(({ replica, node }) => [replica, node]);
      const before = placed();
      cluster.apply({ kind: 'move-replica', group: 1, from: 'n2', to: 'n4' });
      const arriving = placed()?.find(([, node]) => node === 'n4')?.[0];
      if (end === 'is drained') cluster.apply({ kind: 'drain-node', node: 'n4' });
      cluster.apply({ kind: 'place', down: [], dead: end === 'dies' ? ['n4'] : [] });
      expect(placed()).toEqual(before);
      expect(group()).toMatchObject({
        plan: 2,
        changing: true,
        leaving: [expect.objectContaining({ replica: arriving, node: 'n4' })],
      });
      const replicas = before?.map(([replica]) => replica as number) ?? [];
      cluster.apply({ kind: 'members-settled', group: 1, plan: 2, replicas });
      expect(group()).toMatchObject({ changing: false, leaving: [] });
    }
  });

  // World 2827: the replica that was to stay had been out by then. It was in quarantine, then lost, and the change never ended.
  test('[C5] [L2] a replica that comes in again for one that is to go begins anew, or is sent elsewhere, too', () => {
    const cluster = new Cluster(Array(4).fill(''));
    const group = () => cluster.map.groups.find(({ id }) => id === 1);
    const back = group()?.replicas.find(({ node }) => node === 'n2')?.replica as number;
    cluster.apply({ kind: 'move-replica', group: 1, from: 'n2', to: 'n4' });
    const arriving = group()?.replicas.find(({ node }) => node === 'n4')?.replica as number;
    cluster.apply({ kind: 'place', down: [], dead: ['n4'] });
    cluster.apply({ kind: 'renew-replicas', replicas: [{ group: 1, replica: back }] });
    const fresh = group()?.replicas.find(({ node }) => node === 'n2')?.replica as number;
    expect(fresh).toBeGreaterThan(arriving);
    expect(group()).toMatchObject({ plan: 3, changing: true });

    const other = new Cluster(Array(5).fill(''));
    other.apply({ kind: 'move-replica', group: 1, from: 'n2', to: 'n4' });
    other.apply({ kind: 'place', down: ['n5'], dead: ['n4'] });
    other.apply({ kind: 'place', down: [], dead: ['n2'] });
    const now = other.map.groups.find(({ id }) => id === 1);
    expect(now?.replicas.map(({ node }) => node)).toEqual(['n1', 'n5', 'n3']);
    expect(now?.leaving.map(({ node }) => node)).toEqual(['n4', 'n2']);
  });

  test('[L2] [R7] a replica in quarantine begins anew on its node, one change after the other', () => {
    const cluster = new Cluster(Array(4).fill(''));
    const group = () => cluster.map.groups.find(({ id }) => id === 1);
    const placed = () => group()?.replicas.map(({ replica, node }) => [replica, node]);
    const renew = (...replicas: number[]) =>
      cluster.apply({
        kind: 'renew-replicas',
        replicas: replicas.map((replica) => ({ group: 1, replica })),
      });
    const [[first = 0] = [], ...others] = placed() ?? [];
    const fresh = cluster.map.groups.reduce((sum, { replicas }) => sum + replicas.length, 0) + 1;
    renew(first as number);
    expect(placed()).toEqual([[fresh, 'n1'], ...others]);
    expect(group()).toMatchObject({ plan: 1, changing: true, leaving: [] });
    // Asked for again, of one that is gone by now, and of another one.
    const { map } = cluster;
    renew(first as number, others[0]?.[0] as number);
    expect(cluster.map).toBe(map);
    renew(fresh);
    expect(placed()).toEqual([[fresh + 1, 'n1'], ...others]);
    expect(group()).toMatchObject({ plan: 2, changing: true });
    cluster.apply({ kind: 'place', down: [], dead: ['n1'] });
    expect(placed()?.map(([, node]) => node)).toEqual(['n4', 'n2', 'n3']);
    // World 732 of five nodes: it had two there by then, and the node took the one that was gone for its own.
    expect(group()?.leaving.map(({ replica }) => replica)).toEqual([fresh + 1]);
  });
});
