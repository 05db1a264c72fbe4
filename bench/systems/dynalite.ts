import { join } from 'node:path';
import { launch, run } from '../processes.ts';
import type { Settings } from '../settings.ts';
import { DynamoDbSystem } from './dynamodb-system.ts';
import type { System } from './system.ts';

const PACKAGE = 'dynalite@4';

/** dynalite from npm in the directory of the run: one process, data in memory, as it is by default. */
export async function startDynalite(settings: Settings, firstPort: number): Promise<System> {
  console.log(`dynalite: npm install ${PACKAGE}`);
  const prefix = join(settings.directory, 'dynalite');
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts'];
  await run('npm', ['install', '--prefix', prefix, ...quiet, PACKAGE]);
  const port = firstPort + 1;
  const program = join(prefix, 'node_modules', 'dynalite', 'cli.js');
  const args = ['--host', '127.0.0.1', '--port', String(port), '--createTableMs', '0'];
  const child = launch('dynalite', process.execPath, [program, ...args]);
  const system = new DynamoDbSystem('dynalite', settings, [port], [child]);
  await system.ready('ListTables', {});
  await system.createTable();
  return system;
}
