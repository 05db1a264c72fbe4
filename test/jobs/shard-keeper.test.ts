import { expect, test } from 'vitest';
import type { ControllerCommand } from '../../src/controller/index.ts';
import { type LedGroup, ShardKeeper } from '../../src/jobs/index.ts';
import { NEVER } from '../../src/ports/index.ts';
import type { ControllerClient } from '../../src/router/index.ts';
import { decodeCommand } from '../../src/store/index.ts';
import { mapOf, tableOf } from '../router/fake-cluster.ts';
import { install, putting, TestReplica } from '../store/machine.ts';
import { waitingClock } from '../support/waiting-clock.ts';
import { drain } from '../support/world.ts';

const STEP_MS = 10;

async function keeperOf(status: 'CREATING' | 'ACTIVE' | 'DELETING', answers = true) {
  const record = tableOf(1).shards[1];
  if (!record) throw new Error('a shard');
  const state = status === 'CREATING' ? ('creating' as const) : ('serving' as const);
  const table = tableOf(1, { status, shards: [{ ...record, state }] });
  const replica = await TestReplica.open();
  const { clock, now, pass } = waitingClock(0);
  const told: ControllerCommand[] = [];
  const proposed: string[] = [];
  const group: LedGroup = {
    id: record.group,
    commandBytesMax: 1_000_000,
    perSecond: () => 0,
    middle: () => Promise.resolve(undefined),
    shards: () => replica.machine.shards(),
    shard: (id) => replica.machine.shard(id),
    propose: async (command) => {
      proposed.push(decodeCommand(command).command.kind);
      await drain();
      pass(STEP_MS);
      if (answers) replica.applyBytes(1, command);
      return answers;
    },
  };
  const controller = {
    command: async (command: ControllerCommand) => {
      told.push(command);
    },
  } as never as ControllerClient;
  const fatal = (error: unknown) => {
    throw error;
  };
  const means = { controller, clock, buggify: NEVER, fatal };
  const keeper = new ShardKeeper({ map: mapOf(1, [table]), led: () => [group] }, means);
  return { keeper, replica, record, told, proposed, now };
}

async function settled(): Promise<void> {
  for (let i = 0; i < 50; i++) await drain();
}

test('[C3] a new shard is installed once, however often the keeper runs, and the controller is told', async () => {
  const { keeper, replica, record, told, proposed } = await keeperOf('CREATING');
  keeper.run();
  keeper.run();
  await settled();
  expect(proposed).toEqual(['install-shard']);
  expect(replica.machine.shard(record.id)).toMatchObject({
    epoch: 1,
    state: 'serving',
    hashStart: record.hashStart,
  });
  expect(told).toEqual([{ kind: 'shard-serving', shard: record.id, epoch: 1 }]);
  // The map is still the old one: it is told again, and nothing is installed again.
  keeper.run();
  await settled();
  expect([proposed.length, told.length]).toEqual([1, 2]);
});

test('a command that was lost is tried again at the next run, and nothing is told before', async () => {
  const { keeper, told, proposed } = await keeperOf('CREATING', false);
  keeper.run();
  await settled();
  keeper.run();
  await settled();
  expect(proposed).toEqual(['install-shard', 'install-shard']);
  expect(told).toEqual([]);
});

test('[S6] a deleted table is emptied bit by bit, and the controller is told when nothing is left', async () => {
  const { keeper, replica, record, told, proposed, now } = await keeperOf('DELETING');
  replica.apply(0, install(record.id, { hashStart: '0000000000000000', hashEnd: '' }));
  for (let i = 1; i <= 1_200; i++) {
    replica.apply(1, { ...putting(7, i, `k${i}`, 'v'), shard: record.id });
  }
  keeper.run();
  await settled();
  expect(proposed).toEqual(['purge-shard', 'purge-shard', 'purge-shard']);
  expect(replica.machine.shard(record.id)).toBeUndefined();
  expect(told).toEqual([{ kind: 'shard-gone', shard: record.id }]);
  // Between its steps there was room for others.
  expect(now()).toBe(3 * STEP_MS + 2 * 3 * STEP_MS);
});

test('[S6] of large items a step takes few', async () => {
  const { keeper, replica, record, proposed } = await keeperOf('DELETING');
  replica.apply(0, install(record.id, { hashStart: '0000000000000000', hashEnd: '' }));
  const value = 'v'.repeat(50_000);
  for (let i = 1; i <= 30; i++) {
    replica.apply(1, { ...putting(7, i, `k${i}`, value), shard: record.id });
  }
  keeper.run();
  await settled();
  // Five of them are a quarter of a MiB; the last step finds that nothing is left.
  expect(proposed).toEqual(Array.from({ length: 7 }, () => 'purge-shard'));
  expect(replica.machine.shard(record.id)).toBeUndefined();
});

test('what is as it should be needs nothing', async () => {
  const { keeper, replica, record, told, proposed } = await keeperOf('ACTIVE');
  replica.apply(0, install(record.id));
  keeper.run();
  await settled();
  expect([proposed, told]).toEqual([[], []]);
});
