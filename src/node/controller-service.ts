import {
  type ClusterMap,
  type ControllerReply,
  type ControllerRequest,
  decodeControllerOutcome,
  encodeControllerCommand,
  type MapChanges,
  type MapVersion,
  RecentMaps,
} from '../controller/index.ts';
import type { Clock } from '../ports/index.ts';
import type { ClusterRecord } from './identity.ts';
import type { Replicas } from './replicas.ts';

/** A watcher hears at least this often, in milliseconds. */
const WATCH_MS_MAX = 2_000;

interface Watcher {
  readonly after: number;
  readonly expiresAt: number;
  readonly reply: (reply: ControllerReply) => void;
}

/** What it needs to know of them. */
export type HeldController = Pick<Replicas, 'controller' | 'nodeOf'>;

/** Answers what nodes and routers ask of the controller's replica on this node. Maps that need not be the newest are given by any node. */
export class ControllerService {
  readonly #replicas: HeldController;
  readonly #clock: Clock;
  #watchers: Watcher[] = [];
  #forming = false;
  /** The newest that this node has seen. */
  #map: ClusterMap | undefined;
  readonly #recent = new RecentMaps();

  constructor(replicas: HeldController, clock: Clock) {
    this.#replicas = replicas;
    this.#clock = clock;
  }

  /** `reply` is called exactly once, now or later. */
  handle(request: ControllerRequest, reply: (reply: ControllerReply) => void): void {
    const held = this.#replicas.controller;
    const map = this.#map;
    const after = request.kind === 'watch' ? request.after : 0;
    const isAnyMap = request.kind === 'watch' || (request.kind === 'map' && !request.consistent);
    if (isAnyMap && map && map.number > after) {
      reply({ kind: 'map', map });
      return;
    }
    if (!held) {
      reply({ kind: 'not-leader', leader: '' });
      return;
    }
    const { replica, machine } = held;
    // A leader that hands its leadership over names nobody: to ask it again at once would be in vain.
    const notLeader = (): ControllerReply => ({
      kind: 'not-leader',
      leader:
        (replica.isLeader ? undefined : this.#replicas.nodeOf(replica.group, replica.leader)) ?? '',
    });
    switch (request.kind) {
      case 'command':
        if (!replica.isLeader) {
          reply(notLeader());
          return;
        }
        replica.propose(encodeControllerCommand(request.command), (result) => {
          if (result.kind === 'applied') {
            reply({ kind: 'outcome', outcome: decodeControllerOutcome(result.result) });
          } else {
            reply(result.kind === 'not-leader' ? notLeader() : { kind: 'unavailable' });
          }
        });
        break;
      case 'map':
        if (!request.consistent) {
          reply({ kind: 'unavailable' });
          return;
        }
        replica.confirmRead((confirmed) =>
          reply(
            confirmed && machine.map.number > 0 ? { kind: 'map', map: machine.map } : notLeader(),
          ),
        );
        break;
      case 'query':
        replica.confirmRead((confirmed) => {
          if (!confirmed) {
            reply(notLeader());
            return;
          }
          const found = machine.configuration(request.number, replica.state);
          if (typeof found === 'string') reply({ kind: 'no-configuration', reason: found });
          else reply({ kind: 'configuration', configuration: found });
        });
        break;
      case 'watch': {
        const expiresAt = this.#clock.monotonic() + WATCH_MS_MAX;
        this.#watchers.push({ after: request.after, expiresAt, reply });
        break;
      }
    }
  }

  /** For a node that knows the map `known`. */
  changesSince(known: MapVersion, map: ClusterMap): MapChanges {
    return this.#recent.changesSince(known, map);
  }

  onMap(map: ClusterMap): void {
    this.#map = map;
    this.#recent.remember(map);
    const told = this.#watchers.filter(({ after }) => map.number > after);
    this.#watchers = this.#watchers.filter(({ after }) => map.number <= after);
    for (const { reply } of told) reply({ kind: 'map', map });
  }

  /** Lets watchers go that have waited long, and on the leader of a new cluster writes its first entry. */
  tick(cluster: ClusterRecord): void {
    const now = this.#clock.monotonic();
    const expired = this.#watchers.filter(({ expiresAt }) => expiresAt <= now);
    this.#watchers = this.#watchers.filter(({ expiresAt }) => expiresAt > now);
    for (const { reply } of expired) reply({ kind: 'unavailable' });

    const held = this.#replicas.controller;
    if (!held?.replica.isCurrent || held.machine.map.number > 0 || this.#forming) return;
    this.#forming = true;
    const { clusterId, nodes, groups } = cluster;
    const command = {
      kind: 'form',
      clusterId,
      nodes,
      ...(groups !== undefined && { groups }),
    } as const;
    held.replica.propose(encodeControllerCommand(command), () => {
      this.#forming = false;
    });
  }
}
