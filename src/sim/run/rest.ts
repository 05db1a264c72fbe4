import { areAtHome, areCaughtUp } from '../check/contents.ts';
import { inQuarantine, isEven, misplaced } from '../check/placement.ts';
import type { Faults } from '../faults/faults.ts';
import type { Operator } from '../faults/operator.ts';
import type { World } from '../world.ts';
import type { Clients } from './clients.ts';

/** After this long without faults every operation has ended and every replica has everything, or never will. Milliseconds. */
const REST_MS_MAX = 120_000;
/** The balancer does one thing every ten seconds, and merges what is idle before it evens out. Milliseconds. */
const EVEN_MS_MAX = 900_000;
const LOOK_MS = 100;

/**
 * A world without faults has to come to rest: operations end, what operators have begun comes to its end, and every replica and every shard is where it
 * belongs and has everything. Then a machine that had lost something is replaced, groups that left come back, shards are spread evenly, and
 * all comes to rest again. When it does not: what it waits for, in words.
 */
export async function comeToRest(
  world: World,
  clients: Clients,
  faults: Faults,
  operator: Operator,
): Promise<string | undefined> {
  const comesToRest = async (restless: () => readonly string[], limitMs: number) => {
    const until = world.time.now + limitMs;
    for (;;) {
      const reasons = restless();
      if (reasons.length === 0) return undefined;
      if (world.time.now >= until) return `${reasons.join(', ')}: ${states(world)}`;
      await world.run(LOOK_MS);
    }
  };
  const restless = () => restlessOf(world, clients, faults, operator);
  clients.stop();
  // World 55029: a node was to be drained while no group took part.
  operator.rejoin();
  const reason = await comesToRest(restless, REST_MS_MAX);
  if (reason !== undefined) return reason;
  operator.tidyUp(faults.toReplace);
  const again = await comesToRest(restless, REST_MS_MAX);
  if (again !== undefined || faults.damaged !== undefined) return again;
  return comesToRest(
    () => (isEven(world) ? restless() : ['shards are not spread evenly']),
    EVEN_MS_MAX,
  );
}

function restlessOf(
  world: World,
  clients: Clients,
  { damaged }: Faults,
  operator: Operator,
): readonly string[] {
  const restless: string[] = [];
  if (!clients.isIdle) restless.push('operations have not ended');
  if (!world.isReady) restless.push('not every group is led');
  if (!areCaughtUp(world)) restless.push('replicas have not caught up');
  if (!areAtHome(world)) restless.push('shards are not at home');
  if (!operator.isIdle) restless.push('an operator waits');
  // Who is to be a member on a machine that lost what it had may never be, unless it says so itself.
  restless.push(...(damaged === undefined ? misplaced(world) : inQuarantine(world)));
  return restless;
}

/** For a reader who wants to know what a world waits for. */
function states(world: World): string {
  return world.machines
    .flatMap(({ name, node, isRunning }) => {
      if (!isRunning || !node) return [`${name} does not run`];
      return [...node.replicas.all()].map(({ group, raft, state }) => {
        const { role, term, commit, lastIndex } = raft;
        return `${name}/${group} ${role} term ${term} applied ${state.appliedIndex} commit ${commit} last ${lastIndex}`;
      });
    })
    .join('; ');
}
