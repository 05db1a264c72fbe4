import { expect, test } from 'vitest';
import { controllerGroup } from '../../src/controller/index.ts';
import { watchMap } from '../../src/node/watch-map.ts';
import { nodes } from '../controller/support.ts';
import { mapOf } from '../router/fake-cluster.ts';

/** Whom a node asks whose replica of the controller is led by replica `leader`, of which it knows the node or not. */
async function asked(leader: number, leaderNode: string | undefined): Promise<string[]> {
  const names: string[] = [];
  let waits: (() => void) | undefined;
  const first = nodes(3);
  const roster = {
    number: 1,
    nodes: first.map((node) => ({ ...node, draining: false, group: 0 })),
    removed: [],
    groups: [controllerGroup(first)],
  };
  const watching = {
    self: 'n1',
    map: mapOf(1, []),
    replicas: {
      roster,
      controller: { replica: { leader } },
      nodeOf: () => leaderNode,
    },
    learnMap: () => {},
    askController: (name: string) => {
      names.push(name);
      return Promise.resolve({ kind: 'unavailable' });
    },
  };
  const clock = {
    after: (_: number, run: () => void) => {
      waits = run;
    },
  };
  watchMap(watching as never, clock as never, () => names.length > 1);
  for (let i = 0; i < 10; i++) {
    await Promise.resolve();
    waits?.();
    waits = undefined;
  }
  return names;
}

// World 41003: a replica of the controller was away while all others were replaced. It heard a leader that it could not answer, got
// nothing from it, and asked nobody for a map that says where that is.
test('[C6] [G13] a node asks others for the map unless it is led by a leader that it knows', async () => {
  expect(await asked(7, 'n2')).toEqual([]);
  expect(await asked(0, undefined)).toEqual(['n2', 'n3']);
  expect(await asked(7, undefined)).toEqual(['n2', 'n3']);
});
