import { expect } from 'vitest';
import {
  type ControllerCommand,
  type ControllerOutcome,
  holdersOf,
} from '../../src/controller/index.ts';
import { ControllerClient } from '../../src/router/index.ts';
import { areCaughtUp, differences } from '../../src/sim/check/contents.ts';
import { SimRandom, type World, type WorldOptions } from '../../src/sim/index.ts';
import { SMALL } from './scenario.ts';
import type { Workload } from './workload.ts';
import { makeWorld } from './world.ts';

/** Some first nodes that form a cluster, on machines of which the last ones are still empty. */
export async function growingWorld(
  seed: number,
  options: Partial<WorldOptions> = {},
): Promise<World> {
  const world = makeWorld(seed, { nodes: 4, firstNodes: 3, limits: SMALL, ...options });
  await world.start();
  await world.until(() => world.isReady, 10_000);
  return world;
}

/** Asks the controller through whatever node answers. */
export async function ask(world: World, command: ControllerCommand): Promise<ControllerOutcome> {
  for (;;) {
    const { node, process } =
      world.machines.findLast(
        ({ node: one, isRunning }) => isRunning && one && one.map.number > 0,
      ) ?? {};
    if (!node || !process) throw new Error('no node runs');
    const client = new ControllerClient(node, process.clock, new SimRandom(1, 'operator'));
    const outcome = await world.settle(client.command(command));
    if (outcome) return outcome;
  }
}

/** The newest map that any node has. */
export function mapOf(world: World) {
  const maps = world.machines.flatMap(({ node }) => (node ? [node.map] : []));
  return maps.reduce((a, b) => (b.number > a.number ? b : a));
}

/** How many replicas the map has for each node, the controller's among them. */
export function loads(world: World): Record<string, number> {
  const { nodes, groups } = mapOf(world);
  const on = (name: string) =>
    groups.filter(({ replicas }) => replicas.some(({ node }) => node === name)).length;
  return Object.fromEntries(nodes.map(({ name }) => [name, on(name)]));
}

export function isSettled(world: World): boolean {
  return mapOf(world).groups.every(({ changing }) => !changing);
}

export function holds(world: World, name: string): boolean {
  const { groups } = mapOf(world);
  return groups.some((group) => holdersOf(group).includes(name));
}

/** Every node that may have replicas has as many as any other, give or take one, and three a group. */
export function isEven(world: World): boolean {
  const { nodes, groups } = mapOf(world);
  const all = loads(world);
  const counts = nodes.filter(({ draining }) => !draining).map(({ name }) => all[name] ?? 0);
  const isFull = groups.every(({ replicas }) => replicas.length === Math.min(3, counts.length));
  return isFull && isSettled(world) && Math.max(...counts) - Math.min(...counts) <= 1;
}

export async function expectNothingLost(world: World, workload: Workload): Promise<void> {
  await workload.stop();
  await world.until(() => world.isReady && areCaughtUp(world));
  expect(differences(world)).toEqual([]);
  expect(await workload.faults()).toEqual([]);
  expect(world.failures).toEqual([]);
}

export function exitsOf(world: World, name: string): string[] {
  return world.machine(name).exits.map(({ reason }) => reason);
}
