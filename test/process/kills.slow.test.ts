import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FaultyCluster, goesOn } from './faulty-cluster.ts';
import type { Step } from './faulty-node.ts';

type Kill = readonly [at: Step, when: 'before' | 'after', count: number];

/** Under load the node dies at the step, the others go on without it, and it comes back. */
async function survives(faulty: FaultyCluster, [at, when, count]: Kill): Promise<void> {
  const { cluster, victim } = faulty;
  const writers = await faulty.load(`${at}, ${when}`);
  faulty.inject({ kind: 'kill', at, when, count });
  const { signal } = await cluster.process(victim).finished;
  expect(signal).toBe('SIGKILL');
  await goesOn(writers, 300);
  faulty.startVictim();
  await cluster.ready([victim]);
  await goesOn(writers, 300);
  const { acknowledged } = await writers.stop();
  await cluster.ready();
  await faulty.expectAll(acknowledged);
}

describe('[F17] a node is killed at what it does all the time', () => {
  let faulty: FaultyCluster;
  beforeAll(async () => {
    faulty = await FaultyCluster.start();
  });
  afterAll(() => faulty.cluster.stop());

  test.each<Kill>([
    ['log-write', 'before', 50],
    ['log-write', 'after', 50],
    ['log-rename', 'before', 1],
    ['log-rename', 'after', 1],
    ['engine-commit', 'before', 2],
    ['engine-commit', 'after', 2],
  ])('%s, %s', (...kill) => survives(faulty, kill));
});

// A log removes the short file that it began with, and makes others only until it has old ones to use again.
describe('[F17] a node is killed at what it does while it is young', () => {
  let faulty: FaultyCluster;
  afterEach(() => faulty.cluster.stop());

  test.each<Kill>([
    ['log-create', 'after', 1],
    ['log-remove', 'before', 1],
    ['log-remove', 'after', 1],
  ])('%s, %s', async (...kill) => {
    faulty = await FaultyCluster.start();
    await survives(faulty, kill);
  });
});
