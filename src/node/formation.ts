import { hash64, utf8 } from '../bytes/index.ts';
import type { NodeRecord } from '../controller/index.ts';
import type { Random } from '../ports/index.ts';
import { NO_CLUSTER } from './frame.ts';
import { type ClusterRecord, randomId } from './identity.ts';
import type { Hello, Refusal } from './link.ts';
import type { PeerAddress } from './peers.ts';
import type { Roster } from './roster.ts';

export interface FormationOptions {
  readonly self: Pick<NodeRecord, 'name' | 'incarnation' | 'http' | 'peer' | 'zone'>;
  /** `--initial-cluster`, in the order given; empty for a node that is formed, or that wants to join. */
  readonly list: readonly PeerAddress[];
  /** See `ClusterRecord`; the first node of the list decides. */
  readonly groups?: number | undefined;
  readonly random: Random;
  /** Who belongs to the cluster, once there is one. */
  readonly roster: () => Roster;
  readonly persist: (record: ClusterRecord) => Promise<void>;
  /** The record is durable: the node belongs to the cluster. */
  readonly onFormed: (record: ClusterRecord) => void;
  /** The record cannot be made durable. */
  readonly fatal: (error: unknown) => void;
  /** Sends the record to a peer that waits for it. */
  readonly send: (name: string, record: ClusterRecord) => void;
  /** The node can not go on: one line says why (C7). */
  readonly refuse: (reason: string) => void;
}

/**
 * How a cluster comes into being, and who is spoken to afterwards (C7).
 *
 * The first node of the list waits for the hellos of all others, all of them empty and started with the same list, and
 * writes one record with a random cluster id and everybody's incarnation. Each node persists it once; a node that has it
 * passes it on to any that the record names and that lacks it. Afterwards the controller's map says who belongs to it: a directory
 * of another incarnation under the name of a node (wiped, foreign, or an old copy) is refused by everybody and never takes part.
 */
export class Formation {
  readonly #options: FormationOptions;
  readonly #listHash: string;
  readonly #hellos = new Map<string, Hello>();
  #record: ClusterRecord | undefined;
  #persisting = false;

  constructor(options: FormationOptions, record: ClusterRecord | undefined) {
    this.#options = options;
    this.#record = record;
    this.#listHash = hashOfList(options.list);
  }

  get record(): ClusterRecord | undefined {
    return this.#record;
  }

  hello(): Hello {
    const { name, incarnation, http, peer, zone } = this.#options.self;
    const clusterId = this.#record?.clusterId ?? NO_CLUSTER;
    const listHash = this.#record ? '' : this.#listHash;
    return { stream: 'main', name, incarnation, http, peer, zone, clusterId, listHash };
  }

  /** The names that this node still waits for; empty once it is formed. */
  waitingFor(): string[] {
    if (this.#record) return [];
    const { list, self } = this.#options;
    const missing = list.filter(({ name }) => name !== self.name && !this.#hellos.has(name));
    if (missing.length > 0) return missing.map(({ name }) => name);
    return list[0] && list[0].name !== self.name ? [list[0].name] : [];
  }

  /** Judges a peer. */
  onHello(hello: Hello): Refusal | undefined {
    return this.#record ? this.#judge(hello, this.#record) : this.#meet(hello);
  }

  /** The connection to a peer whose hello was accepted. */
  onUp(hello: Hello): void {
    if (this.#record && hello.clusterId === NO_CLUSTER && hello.listHash !== '') {
      this.#options.send(hello.name, this.#record);
    } else {
      this.#maybeForm();
    }
  }

  /** A peer sent the record. True once it is durable here. */
  async onRecord(record: ClusterRecord): Promise<boolean> {
    if (this.#record) return this.#record.clusterId === record.clusterId;
    const { self, list } = this.#options;
    const mine = record.nodes.find(({ name }) => name === self.name);
    const sameList = record.nodes.map(({ name }) => name).join() === list.map((p) => p.name).join();
    if (mine?.incarnation !== self.incarnation || !sameList || this.#persisting) return false;
    await this.#adopt(record);
    return true;
  }

  onRefusal(name: string, { reason, isFinal }: Refusal): void {
    if (isFinal || !this.#record) this.#options.refuse(`${name} refuses this node: ${reason}`);
  }

  /** The cluster has taken this node in, and it says so from now on. */
  async join(record: ClusterRecord): Promise<void> {
    await this.#options.persist(record);
    this.#record = record;
    this.#options.onFormed(record);
  }

  #judge(hello: Hello, { clusterId }: ClusterRecord): Refusal | undefined {
    const { name, incarnation } = hello;
    const isNew = hello.clusterId === NO_CLUSTER;
    if (!isNew && hello.clusterId !== clusterId) {
      return no(`this is cluster ${clusterId}, not ${hello.clusterId}`);
    }
    const { nodes, removed } = this.#options.roster();
    if (removed.some((gone) => gone.incarnation === incarnation)) {
      return { reason: removedText(name, clusterId), isFinal: true };
    }
    const known = nodes.find((node) => node.name === name);
    if (known && known.incarnation !== incarnation) {
      return no(
        `cluster ${clusterId} is formed already, and node ${name} of it had another data ` +
          'directory: one that was emptied or replaced can not take its place. When that node was ' +
          `removed (flotilla nodes remove ${name}), it may join (--join)`,
      );
    }
    // One that this node has not heard of yet, or a stranger at the door: the controller has the last word.
    if (known || !isNew || hello.listHash === '') return undefined;
    return no(
      `cluster ${clusterId} is formed already and has no node ${name}: to join it, start with --join`,
    );
  }

  #meet(hello: Hello): Refusal | undefined {
    const { list, refuse } = this.#options;
    // Somebody wants to join, or this node does: nothing can be said before there is a cluster.
    if (list.length === 0 || hello.listHash === '') return undefined;
    if (!list.some(({ name }) => name === hello.name)) {
      return no(`node ${hello.name} is not in the --initial-cluster of ${this.#options.self.name}`);
    }
    if (hello.clusterId !== NO_CLUSTER) return undefined; // it will send the record, or refuse us
    if (hello.listHash !== this.#listHash) {
      const reason = `--initial-cluster differs between ${hello.name} and ${this.#options.self.name} in names, addresses or their order`;
      refuse(reason);
      return no(reason);
    }
    this.#hellos.set(hello.name, hello);
    return undefined;
  }

  #maybeForm(): void {
    const { list, self, random, groups } = this.#options;
    if (this.#record || this.#persisting || list[0]?.name !== self.name) return;
    const records: NodeRecord[] = [];
    for (const { name, address } of list) {
      const from = name === self.name ? self : this.#hellos.get(name);
      if (!from) return;
      const { incarnation, http, zone } = from;
      records.push({ name, incarnation, http, peer: address, zone });
    }
    const clusterId = randomId(random);
    const record = { clusterId, nodes: records, ...(groups !== undefined && { groups }) };
    this.#adopt(record).catch(this.#options.fatal);
  }

  /** A node of a list of one. */
  formAlone(): void {
    if (this.#options.list.length === 1) this.#maybeForm();
  }

  async #adopt(record: ClusterRecord): Promise<void> {
    this.#persisting = true;
    await this.#options.persist(record);
    this.#record = record;
    this.#options.onFormed(record);
    for (const { name } of record.nodes) {
      if (name !== this.#options.self.name) this.#options.send(name, record);
    }
  }
}

function hashOfList(list: readonly PeerAddress[]): string {
  if (list.length === 0) return '';
  const { high, low } = hash64(
    utf8(list.map(({ name, address }) => `${name}=${address}`).join(',')),
  );
  return high.toString(16).padStart(8, '0') + low.toString(16).padStart(8, '0');
}

/** What a removed node is told, and says. */
export function removedText(name: string, clusterId: string): string {
  return `node ${name} was removed from cluster ${clusterId}: only an empty data directory may join it`;
}

function no(reason: string): Refusal {
  return { reason, isFinal: false };
}
