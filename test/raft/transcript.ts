import {
  type Config,
  type Message,
  quorumValue,
  type Role,
  voteResult,
} from '../../src/raft/index.ts';
import { bytes, configOf, logOf, member, type SimOptions, SimReplica } from './harness.ts';
import { printConfig, printMessage, printReady, printStatus } from './print.ts';

// The interpreter of testdata/*.txt. `> ` begins a command, what follows is its output, `#` a remark. Commands:
//
//   group 1 2 3 [outgoing=1,4] [learners=4] [option=value …]   members and options of the core
//   replica 1 log=1,1,2 term=2 [vote=1] [commit=2]             one that starts with a log, as terms
//   lead 1                  campaign and settle, and only the outcome
//   pass n                  n times: a tick for everybody, and settle
//   campaign 1 | tick 1 [n] | propose 1 text [n] | read 1 context | transfer 1 2 | stepdown 1
//   change 1 voters=1,2,3 [learners=4]
//   members [1 …]           the configuration of each
//   unreachable 1 2 [refused] | wake 1
//   ready 1                 takes one ready and prints it
//   write 1 [n]             completes the n oldest writes (all)
//   apply 1                 applies what was taken
//   deliver [1->2] [type]   delivers what is in the network now and fits
//   drop [1->2] [type]      loses it
//   network                 prints it
//   settle                  everything, until nothing is left; prints what is delivered, without heartbeats
//   disk 1 slow|fast        whether settle completes this one's writes
//   cut 1 [2 …] | heal      cuts the links between these and the others
//   crash 1 [n] | restart 1 n writes in flight survive (0)
//   flush 1 keep            makes the state durable and compacts all but `keep` entries
//   snapshots 1 | install 1 | fail 1
//   status [1 …]
//   quorum 1,2,3 [4,5] match=1:5,2:6 | quorum 1,2,3 [4,5] votes=1:yes,2:no
//
// After each command it prints what changed: role, term, leader, commit, sleep.

interface Seen {
  readonly role: Role;
  readonly term: number;
  readonly leader: number;
  readonly commit: number;
  readonly quiesced: boolean;
}

export class Transcript {
  #ids: number[] = [];
  #options: SimOptions = { config: configOf([]) };
  readonly #replicas = new Map<number, SimReplica>();
  readonly #seen = new Map<number, Seen>();
  readonly #slow = new Set<number>();
  #cut = new Set<number>();
  #network: Message[] = [];
  #out: string[] = [];

  /** Runs a whole file and returns it with the outputs that the commands have now. */
  static run(source: string): string {
    const transcript = new Transcript();
    const lines: string[] = [];
    let inOutput = false;
    for (const line of source.split('\n')) {
      if (line.startsWith('> ')) {
        lines.push(line, ...transcript.#run(line.slice(2)).map((output) => `  ${output}`));
        inOutput = true;
      } else if (line === '' || line.startsWith('#')) {
        lines.push(line);
        inOutput = false;
      } else if (!inOutput) {
        throw new Error(`neither command nor output: ${line}`);
      }
    }
    return lines.join('\n');
  }

  #run(line: string): string[] {
    this.#out = [];
    const [name = '', ...args] = line.split(' ');
    const command = this.#commands[name];
    if (command === undefined) throw new Error(`unknown command: ${line}`);
    if (name !== 'group' && name !== 'replica') {
      for (const id of this.#ids) if (!this.#replicas.has(id)) this.#create(id, {});
    }
    try {
      command(args);
    } catch (error) {
      this.#out.push(`stops: ${(error as Error).message}`);
    }
    this.#printChanges();
    return this.#out;
  }

  readonly #commands: Readonly<Record<string, (args: string[]) => void>> = {
    group: (args) => this.#group(args),
    replica: ([id, ...args]) => this.#replica(Number(id), args),
    campaign: ([id]) => this.#of(id).raft.campaign(),
    lead: ([id]) => {
      const { raft } = this.#of(id);
      raft.campaign();
      this.#settle();
      this.#out = [`${id} is ${raft.role} of term ${raft.term}`];
    },
    pass: ([count]) => {
      for (let i = Number(count); i > 0; i--) {
        for (const replica of this.#replicas.values()) if (replica.alive) replica.raft.tick();
        this.#settle();
      }
    },
    tick: ([id, count]) => {
      for (let i = Number(count ?? 1); i > 0; i--) this.#of(id).raft.tick();
    },
    propose: ([id, data, count]) => this.#propose(this.#of(id), data ?? '', count),
    read: ([id, context]) => {
      if (!this.#of(id).raft.readIndex(Number(context))) this.#out.push('no leader to ask');
    },
    transfer: ([id, to]) => {
      if (!this.#of(id).raft.transferLeader(Number(to))) this.#out.push('refused');
    },
    stepdown: ([id]) => this.#of(id).raft.stepDown(),
    change: ([id, ...args]) => {
      const { named } = parse(args);
      const membersOf = (name: string) => numbers(named.get(name)).map(member);
      const { raft } = this.#of(id);
      const plan = Number(named.get('plan') ?? raft.config.plan);
      const outcome = raft.proposeConfig({
        voters: membersOf('voters'),
        learners: membersOf('learners'),
        plan,
      });
      if (!outcome.accepted) this.#out.push(`refused: ${outcome.reason}`);
    },
    members: (ids) => {
      for (const id of ids.length > 0 ? ids.map(Number) : this.#ids) {
        this.#out.push(`${id}: ${printConfig(this.#of(String(id)).raft.config)}`);
      }
    },
    unreachable: ([id, peer, refused]) =>
      this.#of(id).raft.reportUnreachable(Number(peer), refused !== undefined),
    wake: ([id]) => this.#of(id).raft.wake(),
    ready: ([id]) => {
      const ready = this.#of(id).takeReady();
      this.#out.push(...(ready === undefined ? ['nothing'] : printReady(ready)));
    },
    write: ([id, count]) => {
      this.#of(id).completeWrites(count === undefined ? undefined : Number(count));
    },
    apply: ([id]) => this.#of(id).apply(),
    deliver: (args) => {
      for (const message of this.#take(args)) this.#deliver(message);
    },
    drop: (args) => {
      for (const message of this.#take(args)) this.#out.push(`lost ${printMessage(message)}`);
    },
    network: () => this.#out.push(...this.#network.map(printMessage)),
    settle: () => this.#settle(),
    disk: ([id, speed]) => {
      if (speed === 'slow') this.#slow.add(Number(id));
      else this.#slow.delete(Number(id));
    },
    cut: (ids) => {
      this.#cut = new Set(ids.map(Number));
    },
    heal: () => this.#cut.clear(),
    crash: ([id, survive]) => {
      this.#of(id).crash(Number(survive ?? 0));
      this.#seen.delete(Number(id));
    },
    restart: ([id]) => this.#of(id).restart(),
    flush: ([id, keep]) => this.#of(id).flush(Number(keep)),
    snapshots: ([id]) => this.#of(id).makeSnapshots(),
    install: ([id]) => {
      const replica = this.#of(id);
      replica.install(this.#replicas.get(replica.installing?.from ?? 0));
    },
    fail: ([id]) => this.#of(id).install(undefined),
    status: (ids) => {
      for (const id of ids.length > 0 ? ids.map(Number) : this.#ids) {
        const replica = this.#of(String(id));
        this.#out.push(...(replica.alive ? printStatus(replica.raft) : [`${id} down`]));
      }
    },
    quorum: (args) => this.#quorum(args),
  };

  #of(id: string | undefined): SimReplica {
    const replica = this.#replicas.get(Number(id));
    if (replica === undefined) throw new Error(`no replica ${id}`);
    return replica;
  }

  #group(args: string[]): void {
    const { positional, named } = parse(args);
    const learners = numbers(named.get('learners'));
    const outgoing = numbers(named.get('outgoing'));
    const incoming = positional.map(Number);
    named.delete('learners');
    named.delete('outgoing');
    const options: Record<string, unknown> = { config: configOf(incoming, outgoing, learners) };
    for (const [name, value] of named) {
      options[name] = value === 'true' || value === 'false' ? value === 'true' : Number(value);
    }
    this.#options = options as SimOptions;
    this.#ids = [...new Set([...incoming, ...outgoing, ...learners])].sort((a, b) => a - b);
    this.#replicas.clear();
    this.#seen.clear();
    this.#slow.clear();
    this.#cut.clear();
    this.#network = [];
  }

  #replica(id: number, args: string[]): void {
    const { named } = parse(args);
    this.#create(id, {
      entries: logOf(numbers(named.get('log'))),
      hardState: {
        term: Number(named.get('term') ?? 0),
        vote: Number(named.get('vote') ?? 0),
        commit: Number(named.get('commit') ?? 0),
      },
      canVote: named.get('canVote') !== 'false',
    });
  }

  // Chance is the id: replica 1 waits the shortest time, the others two ticks longer each.
  #create(id: number, options: Partial<SimOptions>): void {
    const replica = new SimReplica(
      id,
      { ...this.#options, ...options },
      (n) => Math.min(n - 1, 2 * (id - 1)),
      (message) => this.#network.push(message),
    );
    this.#replicas.set(id, replica);
    this.#remember(replica);
  }

  #propose(replica: SimReplica, data: string, count: string | undefined): void {
    for (let i = 1; i <= Number(count ?? 1); i++) {
      const outcome = replica.raft.propose(bytes(count === undefined ? data : `${data}${i}`));
      if (!outcome.accepted) this.#out.push(`refused: ${outcome.reason}, leader ${outcome.leader}`);
    }
  }

  #take(args: readonly string[]): Message[] {
    const wanted = (message: Message): boolean =>
      args.every((arg) =>
        arg.includes('->') ? arg === `${message.from}->${message.to}` : arg === message.type,
      );
    const taken = this.#network.filter(wanted);
    this.#network = this.#network.filter((message) => !wanted(message));
    return taken;
  }

  #deliver(message: Message, quiet = false): void {
    const to = this.#replicas.get(message.to);
    const cut = this.#cut.has(message.from) !== this.#cut.has(message.to);
    if (to === undefined || !to.alive || cut) {
      if (!quiet) this.#out.push(`lost ${printMessage(message)}`);
      return;
    }
    if (!quiet) this.#out.push(printMessage(message));
    to.raft.step(message);
    if (!quiet) this.#printChanges();
  }

  #settle(): void {
    for (let busy = true, rounds = 0; busy; rounds++) {
      if (rounds > 1000) throw new Error('messages without end');
      busy = false;
      for (const replica of this.#replicas.values()) {
        if (replica.alive) busy = this.#settleOne(replica) || busy;
      }
      this.#printChanges();
      const messages = this.#take([]);
      for (const message of messages) this.#deliver(message, isQuiet(message));
      busy = busy || messages.length > 0;
    }
  }

  #settleOne(replica: SimReplica): boolean {
    let busy = false;
    let rounds = 0;
    for (let ready = replica.takeReady(); ready !== undefined; ready = replica.takeReady()) {
      if (++rounds > 1000) throw new Error('readies without end');
      busy = true;
      for (const read of ready.readStates) {
        const answer = read.rejected ? 'rejected' : `from ${read.index}`;
        this.#out.push(`${replica.id}: read ${read.context} ${answer}`);
      }
      if (ready.logReset !== undefined) {
        this.#out.push(
          `${replica.id}: log reset to ${ready.logReset.index}/${ready.logReset.term}`,
        );
      }
      replica.apply();
      replica.makeSnapshots();
      if (replica.installing !== undefined) {
        const { from, meta } = replica.installing;
        this.#out.push(`${replica.id}: installs ${meta.index}/${meta.term} from ${from}`);
        replica.install(this.#replicas.get(from));
      }
      if (!this.#slow.has(replica.id)) replica.completeWrites();
    }
    if (!this.#slow.has(replica.id) && replica.writes.length > 0) {
      replica.completeWrites();
      busy = true;
    }
    return busy;
  }

  #printChanges(): void {
    for (const replica of this.#replicas.values()) {
      if (!replica.alive) continue;
      const { id, raft } = replica;
      const seen = this.#seen.get(id);
      if (
        seen !== undefined &&
        (seen.role !== raft.role || seen.term !== raft.term || seen.leader !== raft.leader)
      ) {
        const leader =
          raft.role !== 'follower' ? '' : raft.leader === 0 ? ', no leader' : ` of ${raft.leader}`;
        this.#out.push(`${id}: ${raft.role}${leader}, term ${raft.term}`);
      }
      if (seen !== undefined && seen.commit !== raft.commit) {
        this.#out.push(`${id}: commit ${seen.commit} -> ${raft.commit}`);
      }
      if (seen !== undefined && seen.quiesced !== raft.isQuiesced) {
        this.#out.push(`${id}: ${raft.isQuiesced ? 'sleeps' : 'wakes up'}`);
      }
      this.#remember(replica);
    }
  }

  #remember({ id, raft }: SimReplica): void {
    const { role, term, leader, commit, isQuiesced: quiesced } = raft;
    this.#seen.set(id, { role, term, leader, commit, quiesced });
  }

  #quorum(args: string[]): void {
    const { positional, named } = parse(args);
    const config: Config = configOf(numbers(positional[0]), numbers(positional[1]));
    const match = pairs(named.get('match'));
    const votes = pairs(named.get('votes'));
    if (named.has('match')) {
      this.#out.push(`commit ${quorumValue(config, (id) => Number(match.get(id) ?? 0))}`);
    }
    if (named.has('votes')) {
      const voteOf = (id: number): boolean | undefined =>
        votes.has(id) ? votes.get(id) === 'yes' : undefined;
      this.#out.push(voteResult(config, voteOf));
    }
  }
}

function isQuiet(message: Message): boolean {
  if (message.type === 'heartbeat') return message.round === 0;
  return message.type === 'heartbeat-response' && message.round === 0;
}

function parse(args: readonly string[]): { positional: string[]; named: Map<string, string> } {
  const positional: string[] = [];
  const named = new Map<string, string>();
  for (const arg of args) {
    const [name, value] = arg.split('=');
    if (value === undefined) positional.push(arg);
    else named.set(name ?? '', value);
  }
  return { positional, named };
}

function numbers(list: string | undefined): number[] {
  return list === undefined || list === '' ? [] : list.split(',').map(Number);
}

function pairs(list: string | undefined): Map<number, string> {
  const entries = (list ?? '').split(',').filter((pair) => pair !== '');
  return new Map(
    entries.map((pair) => {
      const [id = '', value = ''] = pair.split(':');
      return [Number(id), value];
    }),
  );
}
