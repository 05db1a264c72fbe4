/**
 * Where the nodes of a cluster on one machine listen: the API's ports are chosen at each start, those for the other nodes
 * at the first one, since the cluster's record names them for good.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { makeDirectories, splitAddress } from './platform/index.ts';
import { StartError } from './server.ts';

export interface LocalNode {
  readonly name: string;
  readonly http: string;
  readonly peer: string;
  /** Undefined: in memory. */
  readonly directory: string | undefined;
}

const LAYOUT_FILE = 'layout.json';
const PEER_PORT_OFFSET = 100;

interface Layout {
  readonly peers: readonly string[];
}

/**
 * `port` is the first API port; any free ones unless told. Throws {@link StartError} when the directory holds something
 * else, or a cluster of another size, and when one of the ports is in use.
 */
export async function layOut(
  count: number,
  port: number | undefined,
  directory: string | undefined,
): Promise<LocalNode[]> {
  const apiPorts = port === undefined ? [] : Array.from({ length: count }, (_, i) => port + i);
  const [taken] = await takenOf(apiPorts);
  if (taken !== undefined) throw new StartError(`port ${taken} of 127.0.0.1 is in use`);
  const free = await freePorts(2 * count);
  // Beside the API's ports, where they are as easy to find and do not lie among those that the system gives out.
  const beside = Array.from({ length: count }, (_, i) => (port ?? 0) + PEER_PORT_OFFSET + i);
  const peerPorts =
    port !== undefined && (await takenOf(beside)).length === 0 ? beside : free.slice(count);
  const newPeers = peerPorts.map((peer) => `127.0.0.1:${peer}`);
  const peers = directory === undefined ? newPeers : keptPeers(directory, newPeers);
  if ((await takenOf(peers.map((peer) => splitAddress(peer).port))).length > 0) {
    throw new StartError(`the cluster in ${directory} runs already, or others use its ports`);
  }
  return peers.map((peer, i) => {
    const name = `n${i + 1}`;
    return {
      name,
      http: `127.0.0.1:${apiPorts[i] ?? free[i]}`,
      peer,
      directory: directory === undefined ? undefined : join(directory, name),
    };
  });
}

function keptPeers(directory: string, newPeers: readonly string[]): readonly string[] {
  const path = join(directory, LAYOUT_FILE);
  if (existsSync(path)) {
    const { peers } = JSON.parse(readFileSync(path, 'utf8')) as Layout;
    if (peers.length === newPeers.length) return peers;
    throw new StartError(
      `the cluster in ${directory} has ${peers.length} nodes: start it with that many, or another one elsewhere`,
    );
  }
  if (existsSync(directory) && readdirSync(directory).length > 0) {
    throw new StartError(`${directory} is not empty and not Flotilla's`);
  }
  makeDirectories(directory);
  writeFileSync(path, JSON.stringify({ peers: newPeers } satisfies Layout));
  return newPeers;
}

/** Ports of the loopback address that nobody listens on at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listenOn(0)));
  const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
  await Promise.all(servers.map(close));
  return ports;
}

/** Those of the ports that nobody can listen on. */
async function takenOf(ports: readonly number[]): Promise<number[]> {
  const tried = await Promise.allSettled(ports.map(listenOn));
  await Promise.all(tried.flatMap((one) => (one.status === 'fulfilled' ? close(one.value) : [])));
  return ports.filter((_, i) => tried[i]?.status === 'rejected');
}

function listenOn(port: number): Promise<net.Server> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

function close(server: net.Server): Promise<unknown> {
  return new Promise((closed) => server.close(closed));
}
