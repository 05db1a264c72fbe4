/** `npm run bench`: real processes on this machine's disk under load. README.md says how to read what it prints. */
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { alternate, fillAll, type Plan, printIdleCosts } from './alternate.ts';
import { giveUp, requireTools } from './processes.ts';
import { profile } from './profile.ts';
import { buildRevision } from './revision.ts';
import { makeDirectory, type Settings } from './settings.ts';
import { startDynalite } from './systems/dynalite.ts';
import { ETCD_TOOLS, startEtcd } from './systems/etcd.ts';
import { startFlotilla, startFlotillaInMemory } from './systems/flotilla.ts';
import { startProbe } from './systems/probe.ts';
import type { System } from './systems/system.ts';
import { printHeader } from './tables.ts';
import { printVerdict, roundUp } from './verdict.ts';
import { type Action, isAction, WORKS } from './work.ts';

const USAGE = `npm run bench -- [options]
  (none)             three Flotilla nodes alone
  --vs LIST          beside etcd, probe or both (etcd,probe), in alternation
  --compare REV      the present tree beside another revision
  --memory           one Flotilla process in memory beside dynalite
  --profile          processor time of a request by part
  --actions LIST     of ${Object.keys(WORKS).join(',')}
  --connections LIST  --seconds N  --rounds N  --keys N  --size BYTES  --data DIR  --port N`;
const TREE = join(import.meta.dirname, '..');
const RIVALS = ['etcd', 'probe'];
const NODES = 3;
/** Each system uses ports of its own, this many. */
const PORTS = 200;

function readOptions() {
  try {
    const options = {
      vs: { type: 'string', default: '' },
      compare: { type: 'string' },
      memory: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      actions: { type: 'string' },
      connections: { type: 'string' },
      seconds: { type: 'string', default: '5' },
      rounds: { type: 'string' },
      keys: { type: 'string', default: '100000' },
      size: { type: 'string', default: '256' },
      data: { type: 'string', default: tmpdir() },
      port: { type: 'string', default: '9200' },
      help: { type: 'boolean', default: false },
    } as const;
    return parseArgs({ options }).values;
  } catch (error) {
    giveUp(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
}

const options = readOptions();
if (options.help) {
  console.log(USAGE);
  process.exit();
}

function count(text: string): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : giveUp(`${text} is no count`);
}

function list(text: string): string[] {
  return text.split(',').filter(Boolean);
}

const rivals = list(options.vs);
for (const rival of rivals) if (!RIVALS.includes(rival)) giveUp(`--vs ${rival} is not known`);
const modes = [rivals.length > 0, options.compare, options.memory, options.profile];
if (modes.filter(Boolean).length > 1) giveUp(`one of --vs, --compare, --memory, --profile`);
const compares = modes.some(Boolean) && !options.profile;

function actions(text: string): Action[] {
  return list(text).map((action) =>
    isAction(action) ? action : giveUp(`--actions ${action} is not known`),
  );
}

const nodes = options.memory ? 1 : NODES;
const plan: Plan = {
  actions: actions(
    options.actions ?? (compares || options.profile ? 'put,get,get-any' : 'put,get,get-any,mix'),
  ),
  connections: list(
    options.connections ?? (options.profile ? '64' : compares ? '64,256' : '1,16,64,256'),
  ).map((text) => roundUp(count(text), nodes)),
  seconds: count(options.seconds),
  rounds: count(options.rounds ?? (compares ? '3' : '1')),
};
requireTools([{ command: 'wrk', install: 'wrk' }, ...(rivals.includes('etcd') ? ETCD_TOOLS : [])]);
const settings: Settings = {
  table: 'bench',
  keys: count(options.keys),
  valueBytes: count(options.size),
  directory: makeDirectory(options.data),
};

let nextPort = count(options.port);
function firstPort(): number {
  const port = nextPort;
  nextPort += PORTS;
  return port;
}

async function flotilla(name = 'flotilla', tree = TREE): Promise<System> {
  console.log(`${name}: starting`);
  return (await startFlotilla(settings, { name, tree, firstPort: firstPort() })).system;
}

/** The systems of this run; ratios are of the first to each other. */
async function startSystems(): Promise<System[]> {
  if (options.memory) {
    const name = 'flotilla';
    const ours = await startFlotillaInMemory(settings, {
      name,
      tree: TREE,
      firstPort: firstPort(),
    });
    return [ours, await startDynalite(settings, firstPort())];
  }
  if (options.compare !== undefined) {
    const old = await buildRevision(TREE, options.compare, settings.directory);
    return [await flotilla('present tree'), await flotilla(old.name, old.tree)];
  }
  const systems = [await flotilla()];
  for (const rival of rivals) {
    console.log(`${rival}: starting`);
    if (rival === 'etcd') systems.push(await startEtcd(settings, firstPort()));
    else {
      systems.push(await startProbe(settings, 'raw', firstPort()));
      systems.push(await startProbe(settings, 'http', firstPort()));
    }
  }
  return systems;
}

function printConditions(): void {
  const [cpu] = cpus();
  const machine = `${cpus().length} cores (${cpu?.model}), Node ${process.version}`;
  const data = `${settings.valueBytes}-byte values, ${settings.keys} keys, ${plan.seconds} s each`;
  console.log(`${data}, ${machine}`);
}

printConditions();
if (options.profile) {
  await profile(settings, plan, { name: 'flotilla', tree: TREE, firstPort: firstPort() });
} else {
  const systems = await startSystems();
  await fillAll(systems);
  await printIdleCosts(systems);
  printHeader();
  const results = await alternate(systems, plan);
  printVerdict(results, nodes);
}
process.exit();
