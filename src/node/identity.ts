import { toHex } from '../bytes/index.ts';
import type { NodeRecord } from '../controller/index.ts';
import { type Disk, DiskError, type Random } from '../ports/index.ts';
import { readRecord, writeRecord } from './small-file.ts';

const IDENTITY_FILE = 'identity';
const CLUSTER_FILE = 'cluster';
/** What may be there before the identity: one whose writing was cut short, and the lock on some systems. */
const OWN_FROM_THE_START: readonly string[] = [`${IDENTITY_FILE}.new`, 'lock'];
/** 5: shards that split and merge. Others are refused. */
const FORMAT = 7;

/** Who a data directory is: drawn at its birth, never changed (R7). */
export interface Identity {
  readonly format: number;
  readonly name: string;
  readonly incarnation: string;
}

/** What a node wrote once, when it became one of the cluster: with the formation, the same on every first node (C7), or when it joined. */
export interface ClusterRecord {
  readonly clusterId: string;
  /** In the order of the list that the first nodes were started with; of a node that joined, those of that time. */
  readonly nodes: readonly NodeRecord[];
  /** How many data groups the controller makes at first; one a node unless told. */
  readonly groups?: number;
}

/** The directory or the options do not fit: one clear line for whoever started the node, and nothing was changed. */
export class StartError extends Error {
  override readonly name = 'StartError';
}

/** Does what a new node writes first. On a full disk it cannot begin, and says so in one line (L4). */
export async function whereThereIsRoom<T>(begin: () => Promise<T>): Promise<T> {
  try {
    return await begin();
  } catch (error) {
    if (!(error instanceof DiskError && error.code === 'full')) throw error;
    throw new StartError(`there is no room on the disk for a node to begin: ${error.message}`);
  }
}

/** The identity in the directory; an empty directory gets one. */
export async function openIdentity(disk: Disk, random: Random, name: string): Promise<Identity> {
  const found = (await readRecord(disk, IDENTITY_FILE)) as Identity | undefined;
  if (found) {
    if (found.format !== FORMAT) {
      throw new StartError(
        `the data directory has format ${found.format}, which is not known here`,
      );
    }
    if (found.name !== name) {
      throw new StartError(`the data directory belongs to node ${found.name}, not to ${name}`);
    }
    return found;
  }
  const foreign = (await disk.list('')).filter((entry) => !OWN_FROM_THE_START.includes(entry));
  if (foreign.length > 0) {
    throw new StartError(
      `the data directory is not empty and not Flotilla's: it holds ${foreign[0]}`,
    );
  }
  const identity: Identity = { format: FORMAT, name, incarnation: randomId(random) };
  await whereThereIsRoom(() => writeRecord(disk, IDENTITY_FILE, identity));
  return identity;
}

export async function readCluster(disk: Disk): Promise<ClusterRecord | undefined> {
  return (await readRecord(disk, CLUSTER_FILE)) as ClusterRecord | undefined;
}

export function writeCluster(disk: Disk, record: ClusterRecord): Promise<void> {
  return whereThereIsRoom(() => writeRecord(disk, CLUSTER_FILE, record));
}

/** 16 hex digits, never all zero: those stand for no cluster. */
export function randomId(random: Random): string {
  const bytes = new Uint8Array(8);
  do random.fill(bytes);
  while (bytes.every((byte) => byte === 0));
  return toHex(bytes);
}
