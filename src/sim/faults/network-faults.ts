import type { Weather } from '../network.ts';
import { both, type Fault, HOLD_MS, type Scene, someGroup } from './scene.ts';

const WEATHER_MS = [1_000, 10_000] as const;

/** What happens on the way between machines. */
export const NETWORK_FAULTS = {
  partition: ({ names, random, cut }) => {
    const side = names.filter(() => random.once(2));
    const rest = names.filter((each) => !side.includes(each));
    cut(side.flatMap((a) => rest.flatMap((b) => both(a, b))));
    return true;
  },

  'isolate-leader': (scene) => {
    const { world, random, cut } = scene;
    const leader = world.leader(someGroup(scene));
    if (!leader) return false;
    // For long, at times: it has to know by itself that it leads no more.
    const ms = random.once(4) ? random.between(4_000, 12_000) : undefined;
    cut(
      world.others(leader.name).flatMap((b) => both(leader.name, b)),
      ms,
    );
    // What it goes on to append is on its way to the disk when another leader replaces it.
    if (random.once(2)) leader.stallDisk(random.between(1_000, 6_000));
    return true;
  },

  /** It tells another one to lead, and hears nothing of what comes of it. */
  'cut-at-transfer': (scene) => {
    const { world, cut } = scene;
    const group = someGroup(scene);
    const leader = world.leader(group);
    const replica = leader?.created?.replicas.get(group);
    const next = replica?.raft.config.incoming.find(({ id }) => id !== replica.id);
    if (!leader || !replica || !next) return false;
    cut(world.others(leader.name).map((from) => [from, leader.name]));
    replica.transferLeader(next.id);
    return true;
  },

  /** Two halves that only one machine reaches both of. */
  bridge: ({ world, name, cut }) => {
    const rest = world.others(name);
    const half = rest.slice(0, rest.length >> 1);
    const others = rest.slice(rest.length >> 1);
    cut(half.flatMap((a) => others.flatMap((b) => both(a, b))));
    return true;
  },

  ring: ({ names, name, other, cut }) => {
    const isNext = (a: number, b: number) =>
      (a + 1) % names.length === b || (b + 1) % names.length === a;
    const pairs = names.flatMap((a, i) =>
      names.flatMap((b, j) => (i < j && !isNext(i, j) ? both(a, b) : [])),
    );
    // Three machines in a ring are all neighbours: one pair is cut, which is the least of rings.
    cut(pairs.length > 0 ? pairs : both(name, other));
    return true;
  },

  'one-way': ({ name, other, cut }) => {
    cut([[name, other]]);
    return true;
  },

  flap: ({ name, other, random, later, cut }) => {
    for (let at = 0; at < 5_000; at += random.between(200, 1_500)) {
      later(at, () => cut(both(name, other), 100 + random.below(400)));
    }
    return true;
  },

  clog: ({ world, name, other, random, until }) => {
    world.network.clog(name, other, random.between(20, 1_500));
    until(random.between(...HOLD_MS), () => world.network.clog(name, other, 0));
    return true;
  },

  /** One after the other goes slow, and in another order they come back (F14, the swizzle-clogging of FoundationDB). */
  swizzle: ({ world, names, random, later, until }) => {
    for (const slow of names.filter(() => !random.once(4))) {
      const ways = world.others(slow).flatMap((each) => both(slow, each));
      const ms = random.between(50, 1_000);
      later(random.between(0, 3_000), () => {
        for (const [from, to] of ways) world.network.clog(from, to, ms);
      });
      until(random.between(3_000, 6_000), () => {
        for (const [from, to] of ways) world.network.clog(from, to, 0);
      });
    }
    return true;
  },

  'half-open': ({ world, name, other }) => {
    world.network.halfOpen(name, other);
    return true;
  },

  loss: (scene) => weather(scene, { lossOnceIn: 5 + scene.random.below(50) }),
  tail: (scene) => weather(scene, { tailOnceIn: 10 + scene.random.below(100) }),
  corrupt: (scene) => weather(scene, { corruptOnceIn: 100 + scene.random.below(1_000) }),
  reset: (scene) => weather(scene, { resetOnceIn: 100 + scene.random.below(1_000) }),
} as const satisfies Readonly<Record<string, Fault>>;

function weather({ world, random, until }: Scene, change: Partial<Weather>): boolean {
  const { network } = world;
  network.weather = { ...network.weather, ...change };
  until(random.between(...WEATHER_MS), () => {
    network.weather = { ...network.weather, ...zeroed(change) };
  });
  return true;
}

function zeroed<T extends object>(change: T): { [Key in keyof T]: number } {
  return Object.fromEntries(Object.keys(change).map((key) => [key, 0])) as {
    [Key in keyof T]: number;
  };
}
