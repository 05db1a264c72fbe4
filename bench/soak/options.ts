import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { giveUp } from '../processes.ts';

const USAGE = `npm run soak -- --hours H, or --seeds N [--from 1] [--minutes 1] [--keep FILE]
  simulated worlds with all faults, until stopped; the ones that failed are kept
npm run soak -- SCENARIO [options]
  catch-up    a node is away while --items 200000 are written, and comes back under load; it gets what it
              lacks --by snapshot, for its peers keep a short log, or --by log, which they have all of
  restart     one node, then all, are killed with --items 1000000 and started again
  idle        three nodes that nobody asks
  steady      full-speed writes for --minutes 10
  overload    ten times the load that the cluster can bear, then a normal one
  reconnect   2000 clients come back at once after all nodes were restarted
  shard-move  the largest shard, a third of --items 768000 or less, moves to another group under load; --size 4096 makes
              that as much as a shard holds before it splits: 1 GiB
  grow        two nodes join, one is drained and removed, one is killed and replaced, under a load on --items 100000
  --connections 64  --share 0.5 (of the capacity, for a normal load)  --seconds N (of a phase)
  --size 256 (bytes of a value)  --data DIR  --port 9800  --tree DIR (a built source tree)`;

export const SCENARIOS = [
  'catch-up',
  'restart',
  'idle',
  'steady',
  'overload',
  'reconnect',
  'shard-move',
  'grow',
] as const;
export type Scenario = (typeof SCENARIOS)[number];

const ITEMS: Readonly<Record<Scenario, number>> = {
  'catch-up': 200_000,
  restart: 1_000_000,
  idle: 10_000,
  steady: 100_000,
  overload: 10_000,
  reconnect: 10_000,
  'shard-move': 768_000,
  grow: 100_000,
};

/** Of one phase: before, under, or after what a scenario is about; of the rest that it watches. */
const SECONDS: Readonly<Record<Scenario, number>> = {
  'catch-up': 15,
  restart: 60,
  idle: 60,
  steady: 5,
  overload: 20,
  reconnect: 10,
  'shard-move': 10,
  grow: 10,
};

export interface Options {
  readonly scenario: Scenario;
  readonly items: number;
  readonly minutes: number;
  readonly connections: number;
  /** Of what was measured as the capacity. */
  readonly share: number;
  readonly seconds: number;
  readonly valueBytes: number;
  /** Where the directory of the run is made. */
  readonly parent: string;
  readonly port: number;
  readonly tree: string;
  /** How a node that was away gets what it lacks. */
  readonly by: 'snapshot' | 'log';
}

/** Reads the command line. Ends the run with a line on what is wrong, or with the usage if that was asked for. */
export function readOptions(): Options {
  const { values, positionals } = parse();
  const [name = ''] = positionals;
  const scenario = SCENARIOS.find((known) => known === name);
  if (!scenario || positionals.length > 1) giveUp(`one scenario must be named\n${USAGE}`);
  return {
    scenario,
    items: positive(values.items ?? String(ITEMS[scenario])),
    minutes: positive(values.minutes),
    connections: positive(values.connections),
    share: positive(values.share),
    seconds: positive(values.seconds ?? String(SECONDS[scenario])),
    valueBytes: positive(values.size),
    parent: values.data,
    port: positive(values.port),
    tree: values.tree,
    by: way(values.by),
  };
}

function parse() {
  const options = {
    items: { type: 'string' },
    minutes: { type: 'string', default: '10' },
    connections: { type: 'string', default: '64' },
    share: { type: 'string', default: '0.5' },
    seconds: { type: 'string' },
    size: { type: 'string', default: '256' },
    data: { type: 'string', default: tmpdir() },
    port: { type: 'string', default: '9800' },
    by: { type: 'string', default: 'snapshot' },
    tree: { type: 'string', default: join(import.meta.dirname, '..', '..') },
    help: { type: 'boolean' },
  } as const;
  try {
    const parsed = parseArgs({ options, allowPositionals: true });
    if (!parsed.values.help) return parsed;
  } catch (error) {
    giveUp(`${error instanceof Error ? error.message : error}\n${USAGE}`);
  }
  console.log(USAGE);
  process.exit();
}

function way(text: string): Options['by'] {
  return text === 'snapshot' || text === 'log' ? text : giveUp(`--by ${text}: snapshot or log`);
}

function positive(text: string): number {
  const number = Number(text);
  return number > 0 && Number.isFinite(number) ? number : giveUp(`${text} is no positive number`);
}
