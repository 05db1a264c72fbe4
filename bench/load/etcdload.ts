import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../processes.ts';
import type { Settings } from '../settings.ts';
import { type Action, WORKS } from '../work.ts';
import { type Figures, readFigures } from './figures.ts';

const SOURCE = join(import.meta.dirname, '..', 'etcdload', 'main.go');
const CACHE = join(import.meta.dirname, '..', '..', 'node_modules', '.cache');
const PROGRAM = join(CACHE, 'etcdload');

/** Compiles etcdload with Debian's Go packages, unless what is there is newer than the source. */
export async function buildEtcdload(): Promise<void> {
  const built = statSync(PROGRAM, { throwIfNoEntry: false });
  if (built && built.mtimeMs > statSync(SOURCE).mtimeMs) return;
  console.log('etcdload: compiling');
  mkdirSync(CACHE, { recursive: true });
  await run('go', ['build', '-o', PROGRAM, SOURCE], {
    GO111MODULE: 'off',
    GOPATH: '/usr/share/gocode',
  });
}

/** `clients` requests in flight over `connections` gRPC connections, which go to the ports in turn. */
export interface EtcdClients {
  readonly clients: number;
  readonly connections: number;
}

function common(settings: Settings, ports: readonly number[], load: EtcdClients): string[] {
  const endpoints = ports.map((port) => `127.0.0.1:${port}`).join(',');
  return [
    ...['-endpoints', endpoints, '-conns', String(load.connections)],
    ...['-clients', String(load.clients), '-keys', String(settings.keys)],
    ...['-size', String(settings.valueBytes)],
  ];
}

export async function loadByEtcdload(
  settings: Settings,
  ports: readonly number[],
  action: Action,
  load: EtcdClients,
  seconds: number,
): Promise<Figures> {
  const { reads, consistent } = WORKS[action];
  const args = [...common(settings, ports, load), '-d', `${seconds}s`, '-read', String(reads)];
  if (!consistent) args.push('-serializable');
  return readFigures(await run(PROGRAM, args));
}

/** Writes every key once. */
export async function fillByEtcdload(
  settings: Settings,
  ports: readonly number[],
  load: EtcdClients,
): Promise<void> {
  await run(PROGRAM, [...common(settings, ports, load), '-fill']);
}
