import type { Message, MessageType, ReplicaId } from '../../src/raft/index.ts';
import { bytes, incarnationOf, type SimOptions, SimReplica } from './harness.ts';

/** A group whose network and disks are as good as the test lets them be. */
export class Cluster {
  readonly replicas: readonly SimReplica[];
  /** Sent and not yet delivered. */
  network: Message[] = [];
  /** Replicas that nobody outside this set can talk to. */
  readonly cut = new Set<ReplicaId>();
  /** Everything that was delivered. */
  readonly delivered: Message[] = [];

  constructor(
    options: SimOptions,
    perReplica: Readonly<Record<ReplicaId, Partial<SimOptions>>> = {},
  ) {
    const { incoming, outgoing, learners } = options.config;
    const ids = new Set([...incoming, ...outgoing, ...learners].map(({ id }) => id));
    this.replicas = [...ids].map(
      (id) =>
        new SimReplica(
          id,
          { ...options, ...perReplica[id] },
          (n) => Math.min(n - 1, 2 * (id - 1)),
          (message) => this.network.push(message),
        ),
    );
  }

  replica(id: ReplicaId): SimReplica {
    const replica = this.replicas.find((candidate) => candidate.id === id);
    if (replica === undefined) throw new Error(`no replica ${id}`);
    return replica;
  }

  /** Delivers everything and lets every disk and host keep up, until nothing is left. */
  settle(): void {
    for (let busy = true, rounds = 0; busy; rounds++) {
      if (rounds > 1000) throw new Error('messages without end');
      busy = false;
      for (const replica of this.replicas) {
        if (replica.alive) busy = replica.settle((id) => this.replica(id)) || busy;
      }
      busy = this.deliver() > 0 || busy;
    }
  }

  /** Delivers what is in the network now. */
  deliver(): number {
    const messages = this.network;
    this.network = [];
    for (const message of messages) {
      const to = this.replicas.find(({ id }) => id === message.to);
      if (to?.alive !== true || this.cut.has(message.from) !== this.cut.has(message.to)) continue;
      this.delivered.push(message);
      to.raft.step(message);
    }
    return messages.length;
  }

  /** `ticks` times: everybody's clock, then everything that follows from it. */
  pass(ticks: number): void {
    for (let i = 0; i < ticks; i++) {
      for (const { alive, raft } of this.replicas) if (alive) raft.tick();
      this.settle();
    }
  }

  /** Makes `id` the leader and settles. */
  lead(id: ReplicaId): SimReplica {
    const replica = this.replica(id);
    replica.raft.campaign();
    this.settle();
    if (replica.raft.role !== 'leader') throw new Error(`${id} does not lead`);
    return replica;
  }

  propose(id: ReplicaId, command: string): void {
    const outcome = this.replica(id).raft.propose(bytes(command));
    if (!outcome.accepted) throw new Error(`refused: ${outcome.reason}`);
  }
}

/** The terms of a replica's log in memory, as the paper draws it. */
export function termsOf({ raft }: SimReplica): number[] {
  return raft.entriesBetween(raft.firstIndex, raft.lastIndex + 1).map((entry) => entry.term);
}

/** What is sent at once and what after the write, of a replica that is asked for one ready. */
export function sent(replica: SimReplica): { now: MessageType[]; afterWrite: MessageType[] } {
  const ready = replica.takeReady();
  return {
    now: (ready?.messages ?? []).map(({ type }) => type),
    afterWrite: (ready?.messagesAfterWrite ?? []).map(({ type }) => type),
  };
}

/** The common fields of a message to replica 1. */
export function from(
  id: ReplicaId,
  term: number,
): {
  readonly from: ReplicaId;
  readonly to: ReplicaId;
  readonly term: number;
  readonly incarnation: string;
} {
  return { from: id, to: 1, term, incarnation: incarnationOf(id) };
}

/** Replica 1 alone, with a hand on everything it sends. */
export function single(options: SimOptions): SimReplica {
  return new SimReplica(
    1,
    options,
    () => 0,
    () => {},
  );
}
