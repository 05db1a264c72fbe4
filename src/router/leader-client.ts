import { type Buggify, type Clock, NEVER, type Random } from '../ports/index.ts';
import type { GroupReply, GroupRequest } from '../store/index.ts';
import { Attempts } from './attempts.ts';
import type { Cluster } from './cluster.ts';
import { GroupClient } from './group-client.ts';

/** Asks the leaders of groups what is harmless to ask twice: for the cluster's own work. */
export class LeaderClient {
  readonly #groups: GroupClient;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #buggify: Buggify;

  constructor(cluster: Cluster, clock: Clock, random: Random, buggify: Buggify = NEVER) {
    this.#groups = new GroupClient(cluster);
    this.#clock = clock;
    this.#random = random;
    this.#buggify = buggify;
  }

  /** What the leader answers, if not that it could not; undefined when nobody did in time. */
  async ask(request: GroupRequest): Promise<GroupReply | undefined> {
    const attempts = new Attempts(this.#clock, this.#random);
    while (attempts.remainingMs > 0) {
      const reply = await this.#groups.askLeader(ownCopy(request), attempts);
      this.#groups.learnLeader(request.group, reply, attempts);
      const { kind } = reply;
      const isMissed = this.#buggify('router: miss the answer');
      if (!isMissed && kind !== 'not-leader' && kind !== 'unknown' && kind !== 'overloaded') {
        return reply;
      }
      if (kind === 'not-leader' && reply.leader !== '' && attempts.mayHurry()) continue;
      await attempts.pause();
    }
    return undefined;
  }
}

/** Whoever gets a command takes its bytes over: they may stand in a log by the time that it is asked for again (E8). */
function ownCopy(request: GroupRequest): GroupRequest {
  return request.kind === 'write' ? { ...request, command: request.command.slice() } : request;
}
