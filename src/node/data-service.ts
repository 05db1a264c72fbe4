import type { GroupId, NodeName, ShardId } from '../controller/index.ts';
import type { Replica } from '../group/index.ts';
import { type Buggify, type Clock, NEVER } from '../ports/index.ts';
import {
  type AppliedState,
  encodeShardPart,
  type GroupReply,
  type GroupRequest,
  type Shard,
  stampCommand,
} from '../store/index.ts';
import type { DataReplica, Replicas } from './replicas.ts';
import { ShardRates } from './shard-rates.ts';

/** The leader's clock of a group: goes on from the last session time that it applied, at the speed of its own time (S1). */
interface SessionClock {
  readonly term: number;
  readonly time: number;
  readonly at: number;
}

/** How late a slice is where something makes it late, in milliseconds. */
const LATE_MS = 400;

/** What it needs to know of them. */
export type HeldGroups = Pick<Replicas, 'data' | 'nodeOf'>;

/** Answers what routers ask of the data groups on this node. */
export class DataService {
  readonly rates: ShardRates;
  readonly #replicas: HeldGroups;
  readonly #clock: Clock;
  readonly #buggify: Buggify;
  readonly #clocks = new Map<GroupId, SessionClock>();

  constructor(replicas: HeldGroups, clock: Clock, buggify: Buggify = NEVER) {
    this.#replicas = replicas;
    this.#clock = clock;
    this.#buggify = buggify;
    this.rates = new ShardRates(clock.monotonic());
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
        this.rates.countRead(shard);
        this.#whenReadable(held.replica, request.consistent, reply, () => {
          const found = held.machine.read(shard, epoch, key, held.replica.state);
          reply(found ? { kind: 'item', item: found.item } : { kind: 'wrong-shard' });
        });
        break;
      }
      case 'page':
        this.rates.countRead(request.query.shard);
        this.#whenReadable(held.replica, request.consistent, reply, () => {
          const page = held.machine.page(request.query);
          this.#inSlices(held.replica, page, (outcome) => {
            if (outcome === 'closed') reply({ kind: 'unknown' });
            else if (outcome === 'wrong-shard') reply({ kind: 'wrong-shard' });
            else reply({ kind: 'page', page: outcome });
          });
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
        else if (made === 'begin-anew') reply({ kind: made });
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

  /** Where to split a shard, found turn by turn: see `MiddleFinder`. */
  middle(group: GroupId, shard: ShardId): Promise<string | undefined> {
    const held = this.#replicas.data(group);
    const finder = held?.machine.middle(shard);
    if (!held || !finder) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const look = () =>
        this.#inSlices(held.replica, finder, (found) => {
          resolve(found === 'closed' ? undefined : found);
        });
      // Not within the promise: what a damaged engine throws ends the process by itself, wherever it is read.
      this.#clock.endOfTurn(look);
    });
  }

  /** Measures what the shards of the groups have to do that this node leads. To be called now and then. */
  measureRates(groups: Iterable<DataReplica>): void {
    this.rates.measure(ledShards(groups), this.#clock.monotonic());
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

  /** Reads the state turn by turn, so that others get theirs (E7): until it is done, or the replica is closed. */
  #inSlices<T>(
    replica: Replica,
    reader: { step(state: AppliedState): T },
    done: (outcome: Exclude<T, 'more'> | 'closed') => void,
  ): void {
    const outcome = replica.isClosed ? 'closed' : reader.step(replica.state);
    if (outcome !== 'more') {
      done(outcome as Exclude<T, 'more'> | 'closed');
      return;
    }
    const next = () => this.#inSlices(replica, reader, done);
    if (this.#buggify('node: a slice comes late')) this.#clock.after(LATE_MS, next);
    else this.#clock.endOfTurn(next);
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

function* ledShards(groups: Iterable<DataReplica>): Iterable<Readonly<Shard>> {
  for (const { replica, machine } of groups) if (replica.isCurrent) yield* machine.shards();
}
