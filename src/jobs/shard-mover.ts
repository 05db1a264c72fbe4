import {
  findShard,
  type GroupId,
  type ShardId,
  type ShardRecord,
  type Table,
} from '../controller/index.ts';
import { type Pace, paceOf } from '../engine/index.ts';
import { type Buggify, type Clock, wait } from '../ports/index.ts';
import type { ControllerClient, LeaderClient } from '../router/index.ts';
import { decodeShardPart, encodeCommand, type Shard } from '../store/index.ts';
import type { LedGroup, LocalGroups } from './led-groups.ts';
import type { Means } from './means.ts';
import { ShardSteps } from './shard-steps.ts';
import { Tasks } from './tasks.ts';

/**
 * Of all shards that this node's groups fetch together: more than that, and clients would wait for it. It is applying that costs, and a
 * seventh of a gigabit that goes over the wire: what is sent is not compressed, since that would pay for neither.
 */
const BYTES_PER_SECOND = 16 * 1024 * 1024;
/** The part of the time that a fetch may take, and what it goes on at where everything takes long. */
const SHARE = 0.5;
const SLOWEST = 1 / 8;
const PART_BYTES = 128 * 1024;
const SMALL_PART_BYTES = 1024;
/** The next one is fetched while those before it are still on their way through the log. */
const PARTS_UNDER_WAY = 4;
/** After a step that failed, in milliseconds. */
const PAUSE_MS = 100;
const PATIENCE_MS = 10_000;
/** What a part that is late waits, where that is simulated, in milliseconds. */
const LATE_MS = 1_000;

/**
 * Fetches the shards that move to the groups that this node leads (C2, C3), each by itself: the group that has the shard lists what
 * changes from here on; its items come over, then the changes; when there is next to nothing left the other group fences the
 * shard, and with the last part this one serves it. Where it was away for so long that changes are listed no more, it throws away what it
 * has, and begins anew. Every step is an entry in the log of one of the two groups, and repeating
 * it does no harm: whoever leads next goes on from what the groups hold.
 */
export class ShardMover {
  readonly #groups: LocalGroups;
  readonly #controller: ControllerClient;
  readonly #leaders: LeaderClient;
  readonly #clock: Clock;
  readonly #buggify: Buggify;
  readonly #notice: Means['notice'];
  readonly #steps: ShardSteps;
  readonly #pace: Pace;
  /** All shards' parts take turns at the pace: together they are no faster. */
  #turn = Promise.resolve();
  readonly #tasks: Tasks<ShardId>;

  constructor(
    groups: LocalGroups,
    means: Pick<Means, 'controller' | 'leaders' | 'clock' | 'buggify' | 'notice' | 'fatal'>,
  ) {
    this.#groups = groups;
    this.#controller = means.controller;
    this.#leaders = means.leaders;
    this.#clock = means.clock;
    this.#buggify = means.buggify;
    this.#tasks = new Tasks(means);
    this.#notice = means.notice;
    this.#steps = new ShardSteps(means);
    this.#pace = paceOf(means.clock, {
      perSecond: BYTES_PER_SECOND,
      share: SHARE,
      slowestPerSecond: SLOWEST * BYTES_PER_SECOND,
    });
  }

  /** To be called when the map has changed, and now and then, since leadership changes too. */
  run(): void {
    const led = new Set<GroupId>();
    for (const { id } of this.#groups.led()) led.add(id);
    for (const { shards } of this.#groups.map.tables) {
      for (const { id, movingTo } of shards) {
        if (led.has(movingTo)) this.#tasks.begin(id, () => this.#fetch(id));
      }
    }
  }

  /** Until it is done, or not for this node to do any more. */
  async #fetch(shard: ShardId): Promise<void> {
    for (let move = this.#moveOf(shard); move; move = this.#moveOf(shard)) {
      if (await this.#step(move)) continue;
      await this.#pause();
    }
  }

  #moveOf(shard: ShardId): Move | undefined {
    const found = findShard(this.#groups.map, shard);
    if (!found) return undefined;
    for (const group of this.#groups.led()) {
      if (group.id === found.record.movingTo) return { ...found, group };
    }
    return undefined;
  }

  /** False: nothing has come of it. */
  async #step({ table, record, group }: Move): Promise<boolean> {
    const { id: shard, hashStart, hashEnd } = record;
    const epoch = record.epoch + 1;
    const held = group.shard(shard);
    if (!held) {
      const config = this.#groups.map.number;
      const range = { table: table.id, hashStart, hashEnd };
      const command = { kind: 'receive-shard', shard, epoch, config, ...range } as const;
      return group.propose(encodeCommand(command));
    }
    if (held.epoch !== epoch) return false;
    if (held.state === 'serving') {
      await this.#controller.command({ kind: 'shard-moved', shard, epoch });
      // Said again, should the map that follows from it be long on its way.
      return false;
    }
    if (held.state === 'purging') return this.#beginAnew(group, held);
    if (held.state !== 'receiving') return false;
    if (held.parts === 0) await this.#atSource(record, 'list-changes');
    return this.#receive(record, group, held);
  }

  /** Part after part, until there is no more for now or it was the last one. */
  async #receive(record: ShardRecord, group: LedGroup, held: Readonly<Shard>): Promise<boolean> {
    const { id: shard, epoch, group: source } = record;
    const underWay: Promise<boolean>[] = [];
    let { cursor } = held;
    for (let number = held.parts; ; number++) {
      if (number > 0 && this.#buggify('jobs: a late part')) await wait(this.#clock, LATE_MS);
      const reply = await this.#leaders.ask({
        kind: 'part',
        group: source,
        shard,
        epoch,
        cursor,
        bytesMax: Math.min(this.#partBytes(), group.commandBytesMax / 2),
      });
      if (reply?.kind === 'begin-anew') {
        await Promise.all(underWay);
        this.#notice(`shard ${shard} is copied anew: group ${source} lists its changes no more`);
        return this.#beginAnew(group, held);
      }
      if (reply?.kind !== 'part') return false;
      const { part, caughtUp } = reply;
      const { next, end } = decodeShardPart(part);
      const place = { shard, epoch: epoch + 1, number, from: cursor };
      // In the order of their numbers: of those after one that is lost, none is taken in.
      underWay.push(group.propose(encodeCommand({ kind: 'receive-part', ...place, part })));
      if (caughtUp || end) {
        const taken = await Promise.all(underWay);
        if (taken.includes(false) && !(await this.#isTaken(shard, number))) return false;
        if (caughtUp) await this.#atSource(record, 'fence-shard');
        return true;
      }
      if (underWay.length === PARTS_UNDER_WAY && !(await underWay.shift())) return false;
      await this.#paced(part.length);
      cursor = next;
    }
  }

  /** The group that serves lists what changes only so far back (S4): what this one has of the shard is of no use any more. */
  #beginAnew(group: LedGroup, { id, epoch }: Readonly<Shard>): Promise<boolean> {
    return this.#steps.purge(group, id, epoch, this.#groups.map.number);
  }

  /** Where entries take long, a part may be taken in after nobody waits for it any more: while this node leads, it may come yet. */
  async #isTaken(shard: ShardId, number: number): Promise<boolean> {
    for (let waitedMs = 0; waitedMs < PATIENCE_MS; waitedMs += PAUSE_MS) {
      const held = this.#moveOf(shard)?.group.shard(shard);
      if (!held) return false;
      if (held.state !== 'receiving' || held.parts > number) return true;
      await this.#pause();
    }
    return false;
  }

  #paced(bytes: number): Promise<void> {
    this.#turn = this.#turn.then(() => this.#pace(bytes));
    return this.#turn;
  }

  #partBytes(): number {
    return this.#buggify('jobs: a small part') ? SMALL_PART_BYTES : PART_BYTES;
  }

  #pause(): Promise<void> {
    return wait(this.#clock, PAUSE_MS);
  }

  /** To the group that the shard comes from. Whether that was done is seen from its next part. */
  async #atSource(
    { id: shard, epoch, group }: ShardRecord,
    kind: 'list-changes' | 'fence-shard',
  ): Promise<void> {
    const command = encodeCommand({ kind, shard, epoch });
    await this.#leaders.ask({ kind: 'write', group, command });
  }
}

interface Move {
  readonly table: Table;
  readonly record: ShardRecord;
  /** The one that fetches the shard. */
  readonly group: LedGroup;
}
