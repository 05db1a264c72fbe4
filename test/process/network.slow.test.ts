import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import type { Reported } from './clients.ts';
import { hasNamespaces, Namespaces } from './namespaces.ts';
import { FlotillaProcess, PROGRAM, until } from './processes.ts';

const CLIENTS = fileURLToPath(new URL('clients.ts', import.meta.url));
const HOSTS = [1, 2, 3];
/** Of the clients of a node that reaches a majority. */
const GAP_MS_MAX = 3_000;

async function startNodes(network: Namespaces): Promise<FlotillaProcess[]> {
  const root = await mkdtemp(join(tmpdir(), 'flotilla-network-'));
  const list = HOSTS.map((host) => `n${host}=${network.address(host)}:7000`).join(',');
  const nodes = HOSTS.map((host) => {
    const address = network.address(host);
    const args = ['start', '--node', `n${host}`, '--data', join(root, `n${host}`)];
    args.push('--http', `${address}:8000`, '--peer', `${address}:7000`, '--initial-cluster', list);
    return new FlotillaProcess(args, [...network.program(host), process.execPath, PROGRAM]);
  });
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.end('SIGKILL')));
    await rm(root, { recursive: true, force: true });
  });
  return nodes;
}

/** Of the nodes on these hosts. Adds their reports to `reports`. */
function startClients(network: Namespaces, hosts: readonly number[], reports: Reported[]) {
  const endpoints = hosts.map((host) => `http://${network.address(host)}:8000`);
  const [command, ...first] = network.program(0) as [string, ...string[]];
  const args = [process.execPath, '--import', 'tsx', CLIENTS, 'ships', ...endpoints];
  const clients = spawn(command, [...first, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void clients.kill('SIGKILL'));
  createInterface({ input: clients.stdout }).on('line', (line) =>
    reports.push(JSON.parse(line) as Reported),
  );
  return clients;
}

test.skipIf(!hasNamespaces)(
  '[F10] [F11] wherever the network is cut, clients of a majority wait for a moment and see no error, and nothing is lost',
  async () => {
    const network = new Namespaces(HOSTS.length);
    onTestFinished(() => network.destroy());
    const nodes = await startNodes(network);
    const reports: Reported[] = [];
    const clients = startClients(network, [1, 2], reports);
    const pass = async (seconds: number) => {
      const wanted = reports.length + seconds;
      await until(`${seconds} seconds of load`, () => reports.length >= wanted);
    };
    const written = () => reports.at(-1)?.acknowledged ?? 0;
    const cuts: ((isCut: boolean) => void)[] = [
      // No way between two of three.
      (isCut) => {
        network.cut(1, 2, isCut);
        network.cut(2, 1, isCut);
      },
      // One hears the others, and is not heard.
      (isCut) => {
        network.cut(3, 1, isCut);
        network.cut(3, 2, isCut);
      },
      // One is cut off, without a word to the others.
      (isCut) => network.plug(3, !isCut),
    ];
    await pass(2);
    for (const cut of cuts) {
      cut(true);
      await pass(3);
      const before = written();
      await pass(1);
      expect(written()).toBeGreaterThan(before);
      cut(false);
      await pass(2);
    }
    clients.kill('SIGTERM');
    await until('all of it is read', () => reports.at(-1)?.lost !== undefined);
    expect(reports.at(-1)).toMatchObject({ failures: {}, lost: 0 });
    expect(reports.at(-1)?.longestGapMs).toBeLessThan(GAP_MS_MAX);
    for (const node of nodes) expect(node.isRunning).toBe(true);
  },
);
