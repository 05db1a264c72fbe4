import type { GroupId, ShardId } from '../controller/index.ts';
import { decodeResult } from '../store/index.ts';
import type { DataService } from './data-service.ts';
import type { Replicas } from './replicas.ts';

// The groups that a node leads, as the jobs of jobs/ see them.

/** Those that hold data, with everything of earlier terms applied. `commandBytesMax`: of a command that is proposed to them. */
export function* ledGroups(replicas: Replicas, data: DataService, commandBytesMax: number) {
  for (const { replica, machine } of replicas.allData()) {
    if (!replica.isCurrent) continue;
    const { group } = replica;
    yield {
      id: group,
      commandBytesMax,
      shards: () => machine.shards(),
      shard: (id: ShardId) => machine.shard(id),
      perSecond: (id: ShardId) => data.rates.perSecond(id),
      middle: (id: ShardId) => data.middle(group, id),
      propose: (command: Uint8Array) => isDone(data, group, command),
    };
  }
}

function isDone(data: DataService, group: GroupId, command: Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    data.handle({ kind: 'write', group, command }, (reply) => {
      resolve(reply.kind === 'result' && decodeResult(reply.result).kind === 'done');
    });
  });
}

/** The controller's among them, as soon as no change of their members is under way. */
export function* settledGroups(replicas: Replicas) {
  for (const { group, settledConfig } of replicas.all()) {
    if (!settledConfig) continue;
    const { incoming, plan } = settledConfig;
    yield { id: group, members: incoming.map(({ id }) => id), plan };
  }
}

/** The members of all of them that are in quarantine. */
export function* quarantinedMembers(replicas: Replicas) {
  for (const { group, quarantined } of replicas.all()) {
    for (const replica of quarantined) yield { group, replica };
  }
}
