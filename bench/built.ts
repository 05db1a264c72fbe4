import { join } from 'node:path';
import type { nodeHost } from '../src/platform/index.ts';
import type { runWorld } from '../src/sim/index.ts';

/** The simulator as it is built (`npm run build`): what loads the source makes it a third slower. */
export interface Built {
  readonly nodeHost: typeof nodeHost;
  readonly runWorld: typeof runWorld;
}

/** `directory`: where it was built to. */
export async function built(directory = join(import.meta.dirname, '../dist')): Promise<Built> {
  const platform = (await import(join(directory, 'platform/index.js'))) as Pick<Built, 'nodeHost'>;
  const sim = (await import(join(directory, 'sim/index.js'))) as Pick<Built, 'runWorld'>;
  return { nodeHost: platform.nodeHost, runWorld: sim.runWorld };
}
