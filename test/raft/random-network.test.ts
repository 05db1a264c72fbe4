import { expect, test } from 'vitest';
import type { Member, Message, ReplicaId } from '../../src/raft/index.ts';
import { Checker } from './checker.ts';
import { bytes, configOf, member, Random, type SimOptions, SimReplica } from './harness.ts';

// First safety, under every fault at once, checked after every step; then the faults stop and the group must get going
// again. A seed that failed once becomes a test with a name of its own.

const STEPS = 4000;
/** Members that are not there yet have events, too. */
const STEPS_WITH_CHANGES = 8000;
/** Half of so many steps nobody wants anything, in runs with groups that sleep. */
const QUIET_STEPS = 1000;
const BIG = 1024 * 1024;

interface Options {
  readonly replicas: number;
  /** Of the network: per cent of messages lost, and delivered twice. */
  readonly lossPercent: number;
  readonly doublePercent: number;
  readonly quiesceTicks: number;
}

/** Replicas that may become members, besides those of the beginning. */
const NEWCOMERS = 3;

class World {
  readonly replicas: readonly SimReplica[];
  readonly checker: Checker;
  readonly #random: Random;
  readonly #options: Options;
  #network: Message[] = [];
  /** Links that are cut, as from/to. */
  readonly #cut = new Set<string>();
  /** Who was ever proposed as a member: nobody becomes one twice (R7). */
  readonly #known: Set<ReplicaId>;
  /** Whether members come and go. */
  readonly #changes: boolean;
  /** Begun. */
  changes = 0;
  /** Replicas that fell asleep. */
  sleeps = 0;
  readonly #asleep = new Set<ReplicaId>();
  /** The connections of each replica's host, as it knows them. */
  readonly #links = new Map<ReplicaId, string>();
  #steps = 0;
  #commands = 0;
  #contexts = 0;
  #trace = 0;

  constructor(seed: number, changes: boolean) {
    this.#changes = changes;
    // One stream per subsystem: another draw in the network leaves elections as they were.
    this.#random = new Random(seed);
    const elections = new Random(seed ^ 0x5eed);
    const replicas = this.#random.pick([3, 3, 5]);
    this.#options = {
      replicas,
      lossPercent: this.#random.pick([0, 5, 20]),
      doublePercent: this.#random.pick([0, 5, 20]),
      // Not drawn: the other half of the seeds are the runs that they were before groups slept.
      quiesceTicks: seed % 2 === 0 ? 3 : 0,
    };
    const ids = Array.from({ length: replicas }, (_, i) => i + 1);
    this.#known = new Set(ids);
    const newcomers = Array.from({ length: changes ? NEWCOMERS : 0 }, (_, i) => replicas + i + 1);
    const simOptions: SimOptions = {
      config: configOf(ids),
      // Where members go, those that went would stand again and again: services have both, always (R3).
      preVote: this.#random.chance(70) || changes,
      checkQuorum: this.#random.chance(70) || changes,
      quiesceTicks: this.#options.quiesceTicks,
      electionTicks: this.#random.pick([4, 6, 10]),
      appendEmptyEntry: this.#random.chance(80),
      appendBytesMax: this.#random.pick([300, BIG]),
      inflightBytesMax: this.#random.pick([300, 1000, BIG]),
      uncommittedBytesMax: this.#random.pick([2000, BIG]),
    };
    const newcomer: SimOptions = { ...simOptions, config: configOf([]), canVote: false };
    this.replicas = [...ids, ...newcomers].map(
      (id) =>
        new SimReplica(
          id,
          newcomers.includes(id) ? newcomer : simOptions,
          (n) => elections.below(n),
          (message) => this.#network.push(message),
        ),
    );
    this.checker = new Checker(this.replicas);
  }

  /** Those who were no members at first and have applied something. */
  get arrived(): number {
    const { replicas } = this.#options;
    return this.replicas.filter(({ id, state }) => id > replicas && state.index > 0).length;
  }

  get trace(): number {
    return this.#trace;
  }

  #replica(id: ReplicaId): SimReplica {
    return this.replicas[id - 1] as SimReplica;
  }

  /** One event, then all invariants. */
  step(): void {
    this.#steps++;
    this.#event(this.#random.below(10_000));
    this.checker.check();
    for (const { raft, id } of this.replicas) {
      const isAsleep = raft.isQuiesced;
      if (isAsleep && !this.#asleep.has(id)) this.sleeps++;
      if (isAsleep) this.#asleep.add(id);
      else this.#asleep.delete(id);
      this.#trace = Math.imul(this.#trace ^ (raft.term * 31 + raft.commit * 7 + id), 0x01000193);
      this.#trace = (this.#trace ^ raft.lastIndex ^ raft.role.length) >>> 0;
    }
  }

  #event(draw: number): void {
    const random = this.#random;
    const replica = random.pick(this.replicas);
    if (!replica.alive) {
      if (draw < 1000) replica.restart();
      else this.#deliver();
      return;
    }
    const { raft } = replica;
    const isUse = (draw >= 8500 && draw < 9560) || (draw >= 9954 && draw < 9981);
    if (draw < 3300 || (isUse && this.#isQuiet)) this.#deliver();
    else if (draw < 5900) replica.takeReady();
    else if (draw < 7700) replica.completeWrites(1 + random.below(3));
    else if (draw < 8200) this.#tick();
    else if (draw < 8500) replica.apply(1 + random.below(8));
    else if (draw < 9100) {
      if (this.#changes && random.chance(30)) this.#change();
      else this.#propose(replica);
    } else if (draw < 9560) this.#read(replica);
    else if (draw < 9630) replica.flush(random.below(12));
    else if (draw < 9670) replica.evict(random.below(4));
    else if (draw < 9760) replica.makeSnapshots();
    else if (draw < 9800) replica.readBack();
    else if (draw < 9920) this.#install(replica);
    else if (draw < 9940) replica.crash(random.below(replica.writes.length + 1));
    else if (draw < 9949) this.#partition();
    else if (draw < 9954) this.#cut.clear();
    else if (draw < 9968) this.#propose(replica);
    else if (draw < 9978) raft.transferLeader(1 + random.below(this.#options.replicas));
    else if (draw < 9981) raft.campaign();
    else if (draw < 9992) {
      raft.reportUnreachable(1 + random.below(this.replicas.length), random.chance(50));
    } else if (draw < 9996) raft.stepDown();
    else this.#crashAll();
  }

  /** Groups that sleep must be left in peace for a while. */
  get #isQuiet(): boolean {
    return this.#options.quiesceTicks > 0 && this.#steps % QUIET_STEPS < QUIET_STEPS / 2;
  }

  // The clocks run at about the same speed.
  #tick(): void {
    this.#lookAtLinks();
    for (const { alive, raft } of this.replicas) if (alive && this.#random.chance(85)) raft.tick();
  }

  /** Hosts that lost each other, or have each other back, wake their replicas (duty 8). */
  #lookAtLinks(): void {
    const isCut = (a: SimReplica, b: SimReplica) =>
      this.#cut.has(`${a.id}/${b.id}`) || this.#cut.has(`${b.id}/${a.id}`);
    for (const replica of this.replicas) {
      if (!replica.alive) continue;
      const up = this.replicas.filter((other) => other.alive && !isCut(replica, other));
      const links = `${replica.life}: ${up.map(({ id, life }) => `${id}/${life}`).join(' ')}`;
      if (this.#links.get(replica.id) !== links) replica.raft.wake();
      this.#links.set(replica.id, links);
    }
  }

  #deliver(): void {
    const random = this.#random;
    for (let i = 1 + random.below(6); i > 0 && this.#network.length > 0; i--) {
      const at = random.below(Math.min(this.#network.length, 12));
      const message = this.#network[at] as Message;
      if (random.chance(this.#options.doublePercent) && this.#network.length < 500) {
        this.#network.push(message);
      }
      this.#network.splice(at, 1);
      if (random.chance(this.#options.lossPercent)) continue;
      this.#receive(message);
    }
  }

  #receive(message: Message): void {
    if (this.#cut.has(`${message.from}/${message.to}`)) return;
    const to = this.#replica(message.to);
    if (to.alive) to.raft.step(message);
  }

  #propose(replica: SimReplica): void {
    for (let i = 1 + this.#random.below(3); i > 0; i--) {
      replica.raft.propose(bytes(`command ${++this.#commands}`));
    }
  }

  /** Some come, some stay, some go; at least one stays. */
  #change(): void {
    const random = this.#random;
    const leader = this.replicas.find(({ alive, raft }) => alive && raft.role === 'leader');
    if (!leader) return;
    const { incoming, learners, plan } = leader.raft.config;
    const isKept = () => random.chance(70);
    const voters = [...incoming.filter(isKept), ...learners.filter(() => random.chance(60))];
    if (voters.length === 0) voters.push(...incoming);
    const isVoter = ({ id }: Member) => voters.some((voter) => voter.id === id);
    const left = learners.filter((learner) => !isVoter(learner) && isKept());
    const fresh = this.replicas.find(({ id }) => !this.#known.has(id));
    const added = fresh && random.chance(70) ? [member(fresh.id)] : [];
    const outcome = leader.raft.proposeConfig({ voters, learners: [...left, ...added], plan });
    if (!outcome.accepted) return;
    this.changes++;
    for (const { id } of added) this.#known.add(id);
  }

  #read(replica: SimReplica): void {
    const context = ++this.#contexts;
    this.checker.readAsked(context);
    replica.raft.readIndex(context);
  }

  #install(replica: SimReplica): void {
    const { installing } = replica;
    if (installing === undefined) return;
    const reported = this.#random.chance(80);
    replica.install(this.#random.chance(85) ? this.#replica(installing.from) : undefined, reported);
    // A crash after the snapshot is durable and before the core knows it.
    if (!reported && replica.state === replica.disk.state) replica.crash(0);
  }

  #partition(): void {
    this.#cut.clear();
    const oneWay = this.#random.chance(30);
    // Half of the time a leader is alone on its side: what it still answers may be stale.
    const leader = this.#random.chance(50)
      ? this.replicas.find(({ alive, raft }) => alive && raft.role === 'leader')
      : undefined;
    const side = this.replicas.map(({ id }) =>
      leader === undefined ? this.#random.chance(50) : id === leader.id,
    );
    for (const a of this.replicas) {
      for (const b of this.replicas) {
        if (side[a.id - 1] === side[b.id - 1]) continue;
        if (oneWay && side[a.id - 1] === true) continue;
        this.#cut.add(`${a.id}/${b.id}`);
      }
    }
  }

  #crashAll(): void {
    for (const replica of this.replicas) {
      if (replica.alive) replica.crash(this.#random.below(replica.writes.length + 1));
    }
  }

  /** No more faults. Returns the ticks it took until everybody has applied a new command and answered a read. */
  heal(): number {
    this.#cut.clear();
    for (const replica of this.replicas) if (!replica.alive) replica.restart();
    const reads = this.checker.confirmedReads;
    let asked = false;
    let target = Number.POSITIVE_INFINITY;
    for (let tick = 1; tick <= 400; tick++) {
      this.#lookAtLinks();
      for (const { raft } of this.replicas) raft.tick();
      this.#settle();
      const leader = this.replicas.find(({ raft }) => raft.role === 'leader')?.raft;
      if (leader === undefined) continue;
      const outcome = tick % 5 === 0 ? leader.propose(bytes(`after ${tick}`)) : undefined;
      if (outcome?.accepted === true) target = Math.min(target, outcome.index);
      this.#settle();
      const { incoming, outgoing, learners } = leader.config;
      if (outgoing.length > 0) continue;
      const members = [...incoming, ...learners].map(({ id }) => this.#replica(id));
      if (!members.every(({ state }) => state.index >= target)) continue;
      if (!asked) for (const replica of members) this.#read(replica);
      asked = true;
      this.#settle();
      if (this.checker.confirmedReads - reads >= members.length) return tick;
      asked = tick % 20 !== 0;
    }
    throw new Error('[liveness] the group did not recover');
  }

  #settle(): void {
    for (let busy = true, rounds = 0; busy; rounds++) {
      if (rounds > 1000) throw new Error('[liveness] messages without end');
      busy = false;
      for (const replica of this.replicas) {
        busy = replica.settle((id) => this.#replica(id)) || busy;
        this.checker.check();
      }
      const messages = this.#network;
      this.#network = [];
      for (const message of messages) this.#receive(message);
      busy = busy || messages.length > 0;
    }
  }
}

function run(seed: number, changes = false): World {
  const world = new World(seed, changes);
  let step = 0;
  try {
    const end = changes ? STEPS_WITH_CHANGES : STEPS;
    for (; step < end; step++) world.step();
    world.heal();
  } catch (error) {
    throw new Error(`seed ${seed}, step ${step}: ${(error as Error).message}`, { cause: error });
  }
  return world;
}

// RAFT_SEEDS=5000 searches further.
const { RAFT_SEEDS = '60' } = process.env;
const SEEDS = Array.from({ length: Number(RAFT_SEEDS) }, (_, i) => i + 1);

test('[R1][R2][R6][G19] safety after every step of a faulty network, liveness after it heals', () => {
  let committed = 0;
  let reads = 0;
  let compacted = 0;
  let sleeps = 0;
  for (const seed of SEEDS) {
    const world = run(seed);
    committed += world.checker.committedIndex;
    reads += world.checker.confirmedReads;
    sleeps += world.sleeps;
    compacted += world.replicas.filter(({ disk }) => disk.compacted.index > 0).length;
  }
  // The runs must have done something worth checking.
  expect(committed).toBeGreaterThan(SEEDS.length * 10);
  expect(reads).toBeGreaterThan(SEEDS.length * 3);
  expect(compacted).toBeGreaterThan(SEEDS.length / 2);
  expect(sleeps).toBeGreaterThan(SEEDS.length / 2);
});

test('[R7][G1][G11][G13][G15] the same while members come and go', () => {
  let changes = 0;
  let arrived = 0;
  for (const seed of SEEDS) {
    const world = run(seed, true);
    changes += world.changes;
    arrived += world.arrived;
  }
  expect(changes).toBeGreaterThan(SEEDS.length * 2);
  expect(arrived).toBeGreaterThan(SEEDS.length / 2);
});

test('one seed gives one run', () => {
  expect(run(7).trace).toBe(run(7).trace);
});
