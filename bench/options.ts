import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { Plan } from './alternate.ts';
import { giveUp } from './processes.ts';
import { roundUp } from './verdict.ts';
import { type Action, isAction, WORKS } from './work.ts';

const USAGE = `npm run bench -- [options]
  (none)             three Flotilla nodes alone
  --vs LIST          beside etcd, probe or both (etcd,probe), in alternation
  --compare REV      the present tree beside another revision
  --memory           one Flotilla process in memory beside dynalite
  --profile          processor time of a request by part
  --actions LIST     of ${Object.keys(WORKS).join(',')}
  --connections LIST  --seconds N  --rounds N  --keys N  --size BYTES  --data DIR  --port N`;

const RIVALS = ['etcd', 'probe'] as const;
export type Rival = (typeof RIVALS)[number];

/** What is measured. */
export type Mode =
  | { readonly kind: 'alone' | 'memory' | 'profile' }
  | { readonly kind: 'versus'; readonly rivals: readonly Rival[] }
  | { readonly kind: 'compare'; readonly revision: string };

export interface Options {
  readonly mode: Mode;
  readonly plan: Plan;
  /** How many nodes each system has. */
  readonly nodes: number;
  readonly keys: number;
  readonly valueBytes: number;
  /** Where the directory of the run is made. */
  readonly parent: string;
  /** The first port used. */
  readonly port: number;
}

/** What each mode does unless told otherwise: comparisons need rounds, so they do less in each. */
const DEFAULTS = {
  alone: { actions: 'put,get,get-any,mix', connections: '1,16,64,256', rounds: '1' },
  versus: { actions: 'put,get,get-any', connections: '64,256', rounds: '3' },
  compare: { actions: 'put,get,get-any', connections: '64,256', rounds: '3' },
  memory: { actions: 'put,get,get-any', connections: '64,256', rounds: '3' },
  profile: { actions: 'put,get,get-any', connections: '64', rounds: '1' },
} as const;

/** Reads the command line. Ends the run with a line on what is wrong, or with the usage if that was asked for. */
export function readOptions(): Options {
  const given = parse();
  const mode = modeOf(given);
  const defaults = DEFAULTS[mode.kind];
  const nodes = mode.kind === 'memory' ? 1 : 3;
  const connections = list(given.connections ?? defaults.connections);
  return {
    mode,
    nodes,
    plan: {
      actions: list(given.actions ?? defaults.actions).map(action),
      connections: connections.map((text) => roundUp(count(text), nodes)),
      seconds: count(given.seconds),
      rounds: count(given.rounds ?? defaults.rounds),
    },
    keys: count(given.keys),
    valueBytes: count(given.size),
    parent: given.data,
    port: count(given.port),
  };
}

function parse() {
  const options = {
    vs: { type: 'string' },
    compare: { type: 'string' },
    memory: { type: 'boolean' },
    profile: { type: 'boolean' },
    actions: { type: 'string' },
    connections: { type: 'string' },
    seconds: { type: 'string', default: '5' },
    rounds: { type: 'string' },
    keys: { type: 'string', default: '100000' },
    size: { type: 'string', default: '256' },
    data: { type: 'string', default: tmpdir() },
    port: { type: 'string', default: '9200' },
    help: { type: 'boolean' },
  } as const;
  try {
    const { values } = parseArgs({ options });
    if (!values.help) return values;
  } catch (error) {
    giveUp(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
  console.log(USAGE);
  process.exit();
}

function modeOf(given: ReturnType<typeof parse>): Mode {
  const modes: Mode[] = [];
  if (given.vs !== undefined) modes.push({ kind: 'versus', rivals: list(given.vs).map(rival) });
  if (given.compare !== undefined) modes.push({ kind: 'compare', revision: given.compare });
  if (given.memory) modes.push({ kind: 'memory' });
  if (given.profile) modes.push({ kind: 'profile' });
  if (modes.length > 1) giveUp('only one of --vs, --compare, --memory, --profile');
  return modes[0] ?? { kind: 'alone' };
}

function list(text: string): string[] {
  return text.split(',').filter(Boolean);
}

function count(text: string): number {
  const number = Number(text);
  return Number.isSafeInteger(number) && number > 0 ? number : giveUp(`${text} is no count`);
}

function action(text: string): Action {
  return isAction(text) ? text : giveUp(`--actions ${text} is not known`);
}

function rival(text: string): Rival {
  return RIVALS.find((known) => known === text) ?? giveUp(`--vs ${text} is not known`);
}
