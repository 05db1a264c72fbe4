import { join } from 'node:path';
import { run } from '../processes.ts';
import type { Settings } from '../settings.ts';
import type { Action } from '../work.ts';
import { type Figures, readFigures } from './figures.ts';

const SCRIPT = join(import.meta.dirname, 'wrk.lua');

/**
 * Loads whatever speaks DynamoDB. wrk gives each of its threads the same number of connections, and each thread talks to one
 * port, so `connections` should be one or a multiple of the ports.
 */
export async function loadByWrk(
  settings: Settings,
  ports: readonly number[],
  action: Action,
  connections: number,
  seconds: number,
): Promise<Figures> {
  const threads = Math.min(ports.length, connections);
  const args = [`-t${threads}`, `-c${connections}`, `-d${seconds}s`, '-s', SCRIPT, '--latency'];
  const output = await run('wrk', [...args, `http://127.0.0.1:${ports[0]}`], {
    ACTION: action,
    TABLE: settings.table,
    PORTS: ports.join(' '),
    KEYS: String(settings.keys),
    SIZE: String(settings.valueBytes),
  });
  return readFigures(output);
}
