import { crc32c, toHex } from '../../bytes/index.ts';
import { isShardAtRest } from '../../controller/index.ts';
import { EngineDamagedError } from '../../engine/index.ts';
import { isSameContents } from '../../store/index.ts';
import type { World } from '../world.ts';

/** The group's own record of its configuration: it is there once the replica was flushed, so it may be on some only. */
const CONFIG_KEY = '0f';

/**
 * Everything that a replica of a data group holds, what it keeps in memory included: items, shards, sessions. Undefined, too,
 * where a damaged record is that no reader of the node has met yet: it tells nothing of what was applied.
 */
function contentOf(world: World, name: string, group: number): Map<string, number> | undefined {
  return unlessDamaged(() => readContent(world, name, group));
}

function unlessDamaged<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof EngineDamagedError) return undefined;
    throw error;
  }
}

function readContent(world: World, name: string, group: number): Map<string, number> | undefined {
  const held = world.machine(name).node?.replicas.data(group);
  if (!held) return undefined;
  const { state } = held.replica;
  const content = new Map<string, number>();
  const view = state.view();
  const cursor = view.all();
  for (let pair = cursor.next(); pair; pair = cursor.next()) {
    content.set(toHex(pair.key), crc32c(pair.value));
  }
  cursor.close();
  view.close();
  for (const { key, value } of held.machine.cacheWrites(state)) {
    if (value) content.set(toHex(key), crc32c(value));
    else content.delete(toHex(key));
  }
  content.delete(CONFIG_KEY);
  return content;
}

/** Replicas of one group that have applied equally far and differ all the same (S3, G12), in words. */
export function differences(world: World): string[] {
  const wrong: string[] = [];
  for (const { id } of world.machines.find(({ node }) => node)?.node?.map.groups ?? []) {
    const seen = new Map<
      number,
      { readonly name: string; readonly content: Map<string, number> }
    >();
    for (const { name, node } of world.machines) {
      const applied = node?.replicas.data(id)?.replica.state.appliedIndex;
      const content = contentOf(world, name, id);
      if (applied === undefined || !content) continue;
      const other = seen.get(applied);
      if (!other) {
        seen.set(applied, { name, content });
        continue;
      }
      const keys = new Set([...content.keys(), ...other.content.keys()]);
      const unlike = [...keys].filter((key) => content.get(key) !== other.content.get(key));
      if (unlike.length > 0) {
        wrong.push(`group ${id} at ${applied}: ${other.name} and ${name} differ in ${unlike[0]}`);
      }
    }
  }
  return wrong;
}

/** Shards that do not hold what they say of themselves, in words: by that they are spread, and moves are checked (C1, C3). */
export function miscounted(world: World): string[] {
  const wrong: string[] = [];
  for (const { name, node } of world.machines) {
    for (const { replica, machine } of node?.replicas.allData() ?? []) {
      for (const shard of machine.shards()) {
        if (shard.state !== 'serving') continue;
        const view = replica.state.view();
        const found = unlessDamaged(() => machine.recount(shard.id, view));
        view.close();
        if (!found || isSameContents(found, shard)) continue;
        wrong.push(
          `${name}: shard ${shard.id} of group ${replica.group} has ${found.items} items of ${found.bytes} bytes, and counts ${shard.items} of ${shard.bytes}`,
        );
      }
    }
  }
  return wrong;
}

/** Every replica of every data group has applied everything that is committed. */
export function areCaughtUp(world: World): boolean {
  const nodes = world.machines.flatMap(({ node }) => node ?? []);
  return (nodes[0]?.map.groups ?? []).every(({ id }) => {
    const replicas = nodes.flatMap((node) => node.replicas.get(id) ?? []);
    const last = Math.max(...replicas.map(({ status }) => status.lastIndex));
    return replicas.every(
      ({ state, status }) => state.appliedIndex === last && status.installingIndex === 0,
    );
  });
}

/** Every shard is where it should be, as far as every node knows, and nobody has anything of it besides. */
export function areAtHome(world: World): boolean {
  const nodes = world.machines.flatMap(({ node }) => node ?? []);
  const homes = new Map<number, number>();
  for (const { map } of nodes) {
    for (const record of map.tables.flatMap(({ shards }) => shards)) {
      if (!isShardAtRest(record)) return false;
      homes.set(record.id, record.group);
    }
  }
  return nodes.every(({ replicas }) =>
    [...replicas.allData()].every(({ replica, machine }) =>
      [...machine.shards()].every(({ id }) => homes.get(id) === replica.group),
    ),
  );
}
