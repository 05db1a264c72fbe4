import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { launch } from '../processes.ts';
import type { Settings } from '../settings.ts';
import { DynamoDbSystem } from './dynamodb-system.ts';
import type { System } from './system.ts';

const NODES = [1, 2, 3];
const PROGRAM = join(import.meta.dirname, '..', 'probe', 'probe.mjs');

/** The ceiling, with its raw socket front or with node:http. Uses firstPort + 1 … + 3 and + 101 … + 103. */
export async function startProbe(
  settings: Settings,
  front: 'raw' | 'http',
  firstPort: number,
): Promise<System> {
  const name = `probe, ${front}`;
  const directory = mkdtempSync(join(settings.directory, 'probe-'));
  const nodes = NODES.map((i) =>
    launch(`${name} ${i}`, process.execPath, [
      ...[PROGRAM, String(i), front, directory, String(firstPort)],
    ]),
  );
  const ports = NODES.map((i) => firstPort + i);
  // Its timers cost a tenth of a core when nobody asks; and it elects nobody, so it can sleep.
  const system = new DynamoDbSystem(name, settings, ports, nodes, { isFrozenBetween: true });
  await system.ready('GetItem', { Key: { pk: { S: 'key-0' } } });
  return system;
}
