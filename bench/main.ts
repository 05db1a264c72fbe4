/** `npm run bench`: real processes on this machine's disk under load. README.md says how to read what it prints. */
import { cpus } from 'node:os';
import { join } from 'node:path';
import { alternate, fillAll, printIdleCosts } from './alternate.ts';
import { readOptions } from './options.ts';
import { requireTools } from './processes.ts';
import { profile } from './profile.ts';
import { buildRevision } from './revision.ts';
import { makeDirectory, type Settings } from './settings.ts';
import { startDynalite } from './systems/dynalite.ts';
import { ETCD_TOOLS, startEtcd } from './systems/etcd.ts';
import { startFlotilla, startFlotillaInMemory } from './systems/flotilla.ts';
import { startProbe } from './systems/probe.ts';
import type { System } from './systems/system.ts';
import { printHeader } from './tables.ts';
import { printVerdict } from './verdict.ts';

const TREE = join(import.meta.dirname, '..');
/** Each system has as many ports of its own. */
const PORTS = 200;

const { mode, plan, nodes, keys, valueBytes, parent, port } = readOptions();
const usesEtcd = mode.kind === 'versus' && mode.rivals.includes('etcd');
requireTools([{ command: 'wrk', install: 'wrk' }, ...(usesEtcd ? ETCD_TOOLS : [])]);
const settings: Settings = { table: 'bench', keys, valueBytes, directory: makeDirectory(parent) };

let portsTaken = 0;
function firstPort(): number {
  return port + PORTS * portsTaken++;
}

async function flotilla(name = 'flotilla', tree = TREE): Promise<System> {
  console.log(`${name}: starting`);
  return (await startFlotilla(settings, { name, tree, firstPort: firstPort() })).system;
}

/** The systems of this run; ratios are of the first to each other. */
async function startSystems(): Promise<System[]> {
  if (mode.kind === 'memory') {
    const ours = { name: 'flotilla', tree: TREE, firstPort: firstPort() };
    return [
      await startFlotillaInMemory(settings, ours),
      await startDynalite(settings, firstPort()),
    ];
  }
  if (mode.kind === 'compare') {
    const other = await buildRevision(TREE, mode.revision, settings.directory);
    return [await flotilla('present tree'), await flotilla(other.name, other.tree)];
  }
  const systems = [await flotilla()];
  for (const rival of mode.kind === 'versus' ? mode.rivals : []) {
    console.log(`${rival}: starting`);
    if (rival === 'etcd') systems.push(await startEtcd(settings, firstPort()));
    else {
      systems.push(await startProbe(settings, 'raw', firstPort()));
      systems.push(await startProbe(settings, 'http', firstPort()));
    }
  }
  return systems;
}

const machine = `${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}`;
console.log(`${valueBytes}-byte values, ${keys} keys, ${plan.seconds} s each, ${machine}`);
if (mode.kind === 'profile') {
  await profile(settings, plan, { name: 'flotilla', tree: TREE, firstPort: firstPort() });
} else {
  const systems = await startSystems();
  await fillAll(systems);
  await printIdleCosts(systems);
  printHeader();
  printVerdict(await alternate(systems, plan), nodes);
}
process.exit();
