/**
 * `npm run soak -- SCENARIO`: what the database promises of restarts, of nodes that were away, of overload and of long runs, shown on
 * real processes on this machine's disk. Ends with a list of verdicts, and with exit code 1 when one is missed.
 */
import { cpus } from 'node:os';
import { catchUp, catchUpArguments } from './catch-up.ts';
import { GROW_ARGUMENTS, grow } from './grow.ts';
import { idle } from './idle.ts';
import { readOptions, type Scenario } from './options.ts';
import { overload } from './overload.ts';
import { reconnect } from './reconnect.ts';
import { restart } from './restart.ts';
import { shardMove } from './shard-move.ts';
import { Stage } from './stage.ts';
import { steady } from './steady.ts';
import { worlds } from './worlds.ts';

const PLAYS: Readonly<Record<Scenario, (stage: Stage) => Promise<void>>> = {
  'catch-up': catchUp,
  restart,
  idle,
  steady,
  overload,
  reconnect,
  'shard-move': shardMove,
  grow,
};

const isSimulation = process.argv.some((argument) => /^--(hours|seeds)\b/.test(argument));
if (isSimulation) process.exit((await worlds()) ? 0 : 1);

const options = readOptions();
if (process.platform !== 'linux') throw new Error('the figures of processes are read from /proc');
const machine = `${cpus().length} cores (${cpus()[0]?.model}), Node ${process.version}`;
console.log(`soak ${options.scenario}: ${options.valueBytes}-byte values, ${machine}`);
const NODE_ARGUMENTS: Partial<Record<Scenario, readonly string[]>> = {
  'catch-up': catchUpArguments(options),
  grow: GROW_ARGUMENTS,
};
const stage = await Stage.set(options, NODE_ARGUMENTS[options.scenario]);
await PLAYS[options.scenario](stage);
process.exit(stage.verdicts.print() ? 0 : 1);
