import type { GroupId, NodeName } from '../controller/index.ts';
import type { Replica } from '../group/index.ts';
import { type Buggify, type Clock, NEVER } from '../ports/index.ts';
import {
  encodeShardPart,
  type GroupReply,
  type GroupRequest,
  stampCommand,
} from '../store/index.ts';
import type { DataReplica, Replicas } from './replicas.ts';

/** The leader's clock of a group: goes on from the last session time that it applied, at the speed of its own time (S1). */
interface SessionClock {
  readonly term: number;
  readonly time: number;
  readonly at: number;
}

/** What it needs to know of them. */
export type HeldGroups = Pick<Replicas, 'data' | 'nodeOf'>;

/** Answers what routers ask of the data groups on this node. */
export class DataService {
  readonly #replicas: HeldGroups;
  readonly #clock: Clock;
  readonly #buggify: Buggify;
  readonly #clocks = new Map<GroupId, SessionClock>();

  constructor(replicas: HeldGroups, clock: Clock, buggify: Buggify = NEVER) {
    this.#replicas = replicas;
    this.#clock = clock;
    this.#buggify = buggify;
  }

  /** `reply` is called exactly once, now or later. */
  handle(request: GroupRequest, reply: (reply: GroupReply) => void): void {
    const held = this.#replicas.data(request.group);
    if (!held) {
      reply({ kind: 'not-leader', leader: '' });
      return;
    }
    switch (request.kind) {
      case 'write':
        this.propose(held, request.command, reply);
        break;
      case 'read': {
        const { shard, epoch, key } = request;
        this.#whenReadable(held.replica, request.consistent, reply, () => {
          const found = held.machine.read(shard, epoch, key, held.replica.state);
          reply(found ? { kind: 'item', item: found.item } : { kind: 'wrong-shard' });
        });
        break;
      }
      case 'page':
        this.#whenReadable(held.replica, request.consistent, reply, () => {
          const page = held.machine.page(request.query);
          const slice = () => {
            if (held.replica.isClosed) {
              reply({ kind: 'unknown' });
              return;
            }
            const outcome = page.step(held.replica.state);
            if (outcome === 'more') this.#clock.endOfTurn(slice);
            else if (outcome === 'wrong-shard') reply({ kind: 'wrong-shard' });
            else reply({ kind: 'page', page: outcome });
          };
          slice();
        });
        break;
      case 'part': {
        const { shard, epoch, cursor, bytesMax } = request;
        if (!held.replica.isCurrent) {
          reply(this.#notLeader(held.replica));
          return;
        }
        const made = held.machine.part(shard, epoch, cursor, bytesMax, held.replica.state);
        if (!made) reply({ kind: 'wrong-shard' });
        else reply({ kind: 'part', part: encodeShardPart(made.part), caughtUp: made.caughtUp });
        break;
      }
      case 'statistics': {
        let items = 0;
        let bytes = 0;
        for (const shard of held.machine.shards()) {
          if (shard.table !== request.table || shard.state !== 'serving') continue;
          items += shard.items;
          bytes += shard.bytes;
        }
        reply({ kind: 'statistics', items, bytes });
        break;
      }
    }
  }

  /** Takes over the command's bytes. */
  propose(held: DataReplica, command: Uint8Array, reply: (reply: GroupReply) => void): void {
    const { replica } = held;
    if (!replica.isLeader) {
      reply(this.#notLeader(replica));
      return;
    }
    if (this.#buggify('node: refuse a command')) {
      reply({ kind: 'overloaded' });
      return;
    }
    stampCommand(command, this.#sessionTime(held));
    replica.propose(command, (result) => {
      switch (result.kind) {
        case 'applied':
          reply({ kind: 'result', result: result.result });
          break;
        case 'not-leader':
          reply(this.#notLeader(replica));
          break;
        case 'overloaded':
        case 'unknown':
          reply({ kind: result.kind });
          break;
      }
    });
  }

  #whenReadable(
    replica: Replica,
    consistent: boolean,
    reply: (reply: GroupReply) => void,
    read: () => void,
  ): void {
    if (!consistent) read();
    else replica.confirmRead((confirmed) => (confirmed ? read() : reply(this.#notLeader(replica))));
  }

  /** A leader that hands its leadership over names nobody: to ask it again at once would be in vain. */
  #notLeader(replica: Replica): GroupReply {
    const leader: NodeName | undefined = replica.isLeader
      ? undefined
      : this.#replicas.nodeOf(replica.group, replica.leader);
    return { kind: 'not-leader', leader: leader ?? '' };
  }

  #sessionTime({ replica, machine }: DataReplica): number {
    const now = this.#clock.monotonic();
    let clock = this.#clocks.get(replica.group);
    if (clock?.term !== replica.term) {
      // Until everything of earlier terms is applied, the last value is not known; an old one does no harm, since
      // session time never goes back.
      if (!replica.isCurrent) return machine.sessionTime;
      clock = { term: replica.term, time: machine.sessionTime, at: now };
      this.#clocks.set(replica.group, clock);
    }
    return Math.floor(clock.time + now - clock.at);
  }
}
