import {
  type ByteReader,
  type ByteWriter,
  MalformedError,
  utf8,
  utf8Text,
} from '../bytes/index.ts';
import {
  type ClusterMap,
  type ControllerReply,
  type ControllerRequest,
  type GroupId,
  type MapChanges,
  type MapVersion,
  type NodeName,
  withChanges,
} from '../controller/index.ts';
import type { Buggify } from '../ports/index.ts';
import {
  type GroupReply,
  type GroupRequest,
  readGroupReply,
  readGroupRequest,
  type StateDigest,
  writeGroupReply,
  writeGroupRequest,
} from '../store/index.ts';
import type { ControllerService } from './controller-service.ts';
import type { DataService } from './data-service.ts';
import type { ClusterRecord } from './identity.ts';
import type { Responder } from './link.ts';
import type { PeerReply, Peers } from './peers.ts';
import { Relay } from './relay.ts';
import type { Replicas } from './replicas.ts';
import { type Survey, surveyHere } from './rescue.ts';
import {
  readSnapshotPiece,
  type SnapshotPiece,
  serveSnapshotPiece,
  writeSnapshotPiece,
} from './snapshot-transfer.ts';
import type { Difference, StateComparison } from './state-comparison.ts';
import { type NodeStatus, nodeStatus } from './status.ts';

// Numbers on the wire.
const GROUP = 1;
const CONTROLLER = 2;
const SNAPSHOT = 3;
const FORM = 4;
const STATUS = 5;
const DIGESTS = 6;
const DIFFERENCE = 7;
const RESCUE = 8;
const SURVEY = 9;
const RELAYED = 10;
const PRESENCE = 11;

const SNAPSHOT_TIMEOUT_MS = 5_000;
const STATUS_TIMEOUT_MS = 1_000;
const PRESENCE_TIMEOUT_MS = 1_000;
const DIGESTS_TIMEOUT_MS = 2_000;
const FORM_TIMEOUT_MS = 5_000;
const RESCUE_TIMEOUT_MS = 10_000;

const NOT_YET: GroupReply = { kind: 'not-leader', leader: '' };

/** A map goes over the wire as what has changed since the one that the asking node had, which is large where there is much. */
interface AskedController {
  readonly request: ControllerRequest;
  readonly known: MapVersion;
}

type AnsweredController =
  | Exclude<ControllerReply, { readonly kind: 'map' }>
  | { readonly kind: 'changes'; readonly changes: MapChanges };

export interface ServicesOptions {
  readonly self: NodeName;
  readonly peers: Peers;
  /** The newest that this node has. */
  readonly map: () => ClusterMap;
  readonly onRecord: (record: ClusterRecord) => Promise<boolean>;
  readonly fatal: (error: unknown) => void;
  readonly buggify: Buggify;
}

/** What exists on a node once it is formed. */
export interface Served {
  readonly replicas: Replicas;
  readonly data: DataService;
  readonly controller: ControllerService;
  readonly comparison: StateComparison;
  /** This node goes on with a group by itself: see rescue.ts. */
  readonly rescue: (group: GroupId) => Promise<boolean>;
  /** A replica of this node was found to differ (S3). */
  readonly onDifference: (difference: Difference) => void;
}

/**
 * Requests between nodes: asks a node by name, this one without a wire, and answers what others ask. Control messages are
 * JSON, since they are few; what carries items is binary.
 */
export class Services {
  readonly #options: ServicesOptions;
  readonly #relay: Relay;
  #served: Served | undefined;

  constructor(options: ServicesOptions) {
    this.#options = options;
    const { peers, map, buggify } = options;
    const nodes = () => map().nodes.map(({ name }) => name);
    this.#relay = new Relay({ peers, service: RELAYED, nodes, buggify });
  }

  /** The node is formed: from now on it answers for its replicas. */
  serve(served: Served): void {
    this.#served = served;
  }

  askGroup(node: NodeName, request: GroupRequest, timeoutMs: number): Promise<GroupReply> {
    return new Promise((resolve) => {
      if (node === this.#options.self) {
        if (this.#served) this.#served.data.handle(request, resolve);
        else resolve({ kind: 'not-leader', leader: '' });
        return;
      }
      const write = (writer: ByteWriter) => writeGroupRequest(writer, request);
      const settle = (reply: PeerReply) => {
        if (reply === 'down') resolve({ kind: 'not-leader', leader: '' });
        else if (reply === 'congested') resolve({ kind: 'overloaded' });
        else resolve(reply ? readGroupReply(reply) : { kind: 'unknown' });
      };
      if (request.kind === 'part') {
        this.#options.peers.request(node, GROUP, write, timeoutMs, settle, 'bulk');
      } else {
        this.#relay.request(node, GROUP, write, timeoutMs, settle);
      }
    });
  }

  askController(
    node: NodeName,
    request: ControllerRequest,
    timeoutMs: number,
  ): Promise<ControllerReply> {
    return new Promise((resolve) => {
      if (node === this.#options.self) {
        if (this.#served) this.#served.controller.handle(request, resolve);
        else resolve({ kind: 'unavailable' });
        return;
      }
      const known = this.#options.map();
      const { number, digest } = known;
      const asked: AskedController = { request, known: { number, digest } };
      this.#relay.request(node, CONTROLLER, json(asked), timeoutMs, (reply) => {
        if (typeof reply !== 'object') {
          resolve({ kind: 'unavailable' });
          return;
        }
        const answered = parse(reply) as AnsweredController;
        if (answered.kind !== 'changes') resolve(answered);
        else resolve({ kind: 'map', map: withChanges(known, answered.changes) });
      });
    });
  }

  askForSnapshot(
    node: NodeName,
    piece: SnapshotPiece,
  ): Promise<Uint8Array | 'gone' | 'unanswered'> {
    return new Promise((resolve) => {
      const write = (writer: ByteWriter) => writeSnapshotPiece(writer, piece);
      const settle = (reply: PeerReply) => {
        if (typeof reply !== 'object') resolve('unanswered');
        else resolve(reply.boolean() ? reply.raw(reply.remaining).slice() : 'gone');
      };
      this.#options.peers.request(node, SNAPSHOT, write, SNAPSHOT_TIMEOUT_MS, settle, 'bulk');
    });
  }

  askForStatus(node: NodeName): Promise<NodeStatus | undefined> {
    if (node === this.#options.self) {
      return Promise.resolve(
        this.#served && nodeStatus(this.#served.replicas, this.#served.data.rates),
      );
    }
    return this.#askFor<NodeStatus>(node, STATUS, STATUS_TIMEOUT_MS);
  }

  askForDigests(node: NodeName, group: GroupId): Promise<readonly StateDigest[] | undefined> {
    const write = (writer: ByteWriter) => writer.varint(group);
    return this.#askFor<StateDigest[]>(node, DIGESTS, DIGESTS_TIMEOUT_MS, write);
  }

  /** Whether a node is there, as far as this one or any that it reaches can tell. */
  isHeard(node: NodeName): Promise<boolean> {
    if (node === this.#options.self) return Promise.resolve(true);
    return this.#relay.hears(node, PRESENCE, PRESENCE_TIMEOUT_MS);
  }

  /** Has a node go on with a group by itself; false when it did not, as far as is known. */
  askForRescue(node: NodeName, group: GroupId): Promise<boolean> {
    if (node === this.#options.self) return this.#served?.rescue(group) ?? Promise.resolve(false);
    return new Promise((resolve) => {
      const write = (writer: ByteWriter) => writer.varint(group);
      this.#relay.request(node, RESCUE, write, RESCUE_TIMEOUT_MS, (reply) => {
        resolve(typeof reply === 'object' && reply.boolean());
      });
    });
  }

  /** What a node has of every group, before others are given up; undefined when it does not answer. */
  askForSurvey(node: NodeName): Promise<Survey | undefined> {
    if (node === this.#options.self) {
      return Promise.resolve(this.#served && surveyHere(this.#served.replicas));
    }
    return this.#askFor<Survey>(node, SURVEY, STATUS_TIMEOUT_MS);
  }

  /** Not answered: it is found again. */
  tellDifference(node: NodeName, difference: Difference): void {
    if (node === this.#options.self) this.#served?.onDifference(difference);
    else {
      const write = json(difference);
      this.#relay.request(node, DIFFERENCE, write, DIGESTS_TIMEOUT_MS, () => {});
    }
  }

  /** Not answered: the peer gets it again when it is up again. */
  sendRecord(node: NodeName, record: ClusterRecord): void {
    this.#options.peers.request(node, FORM, json(record), FORM_TIMEOUT_MS, () => {});
  }

  /** For what is answered in JSON; undefined: not answered. */
  #askFor<T>(
    node: NodeName,
    service: number,
    timeoutMs: number,
    write: (writer: ByteWriter) => void = () => {},
  ): Promise<T | undefined> {
    return new Promise((resolve) => {
      this.#relay.request(node, service, write, timeoutMs, (reply) => {
        resolve(typeof reply === 'object' ? (parse(reply) as T) : undefined);
      });
    });
  }

  /** Answers a peer. A node that is about to serve says so, and whoever asks need not wait for an answer in vain. */
  onRequest(service: number, payload: ByteReader, respond: Responder): void {
    if (service === FORM) {
      this.#options
        .onRecord(parse(payload) as ClusterRecord)
        .then((adopted) => respond((writer) => writer.boolean(adopted)))
        .catch(this.#options.fatal);
      return;
    }
    if (service === PRESENCE) {
      respond(() => {});
      return;
    }
    const served = this.#served;
    if (!served) {
      if (service === GROUP) respond((writer) => writeGroupReply(writer, NOT_YET));
      else if (service === CONTROLLER) respond(json({ kind: 'unavailable' }));
      return;
    }
    switch (service) {
      case GROUP:
        served.data.handle(readGroupRequest(payload), (reply) =>
          respond((writer) => writeGroupReply(writer, reply)),
        );
        break;
      case CONTROLLER: {
        const { request, known } = parse(payload) as AskedController;
        served.controller.handle(request, (reply) => {
          const answer: AnsweredController =
            reply.kind === 'map'
              ? { kind: 'changes', changes: served.controller.changesSince(known, reply.map) }
              : reply;
          respond(json(answer));
        });
        break;
      }
      case SNAPSHOT:
        serveSnapshotPiece(served.replicas, readSnapshotPiece(payload), (bytes) =>
          respond((writer) => writePiece(writer, bytes)),
        ).catch(this.#options.fatal);
        break;
      case STATUS:
        respond(json(nodeStatus(served.replicas, served.data.rates)));
        break;
      case DIGESTS:
        respond(json(served.comparison.digestsOf(payload.varint())));
        break;
      case RESCUE:
        served
          .rescue(payload.varint())
          .then((isDone) => respond((writer) => writer.boolean(isDone)))
          .catch(this.#options.fatal);
        break;
      case SURVEY:
        respond(json(surveyHere(served.replicas)));
        break;
      case RELAYED:
        this.#relay.onRequest(payload, respond);
        break;
      case DIFFERENCE:
        served.onDifference(parse(payload) as Difference);
        respond(() => {});
        break;
      default:
        break; // a newer peer asks for what this version does not know: its request times out
    }
  }
}

function writePiece(writer: ByteWriter, bytes: Uint8Array | undefined): void {
  writer.boolean(bytes !== undefined);
  if (bytes) writer.raw(bytes);
}

function json(value: unknown): (writer: ByteWriter) => void {
  return (writer) => writer.raw(utf8(JSON.stringify(value)));
}

function parse(reader: ByteReader): unknown {
  try {
    return JSON.parse(utf8Text(reader.raw(reader.remaining)));
  } catch {
    throw new MalformedError('not JSON');
  }
}
