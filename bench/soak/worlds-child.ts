/** Runs the world of each seed and number of nodes that come as a line, and answers with a line of JSON. */
import { createInterface } from 'node:readline';
import type { Outcome } from '../../src/sim/index.ts';
import { built } from '../built.ts';

export interface WorldResult {
  readonly seed: number;
  readonly nodes: number;
  readonly outcome: Outcome;
  readonly wrong: readonly string[];
  readonly simulatedMs: number;
  readonly trace: string;
  readonly occurred: readonly (readonly [string, number])[];
}

// A terminal's Ctrl-C comes here, too: who asks for worlds lets this one end, or is gone.
process.on('SIGINT', () => {});
process.stdout.on('error', () => process.exit(1));

const { nodeHost, runWorld } = await built();
const minutes = Number(process.argv[2]);
for await (const line of createInterface({ input: process.stdin })) {
  const [seed = 0, nodes = 3] = line.split(' ').map(Number);
  const report = await runWorld({ seed, nodes, minutes, host: nodeHost() });
  const { outcome, wrong, simulatedMs, trace, occurred } = report;
  const happened = [...occurred].filter(([, count]) => count > 0);
  const result: WorldResult = {
    seed,
    nodes,
    outcome,
    wrong,
    simulatedMs,
    trace,
    occurred: happened,
  };
  console.log(JSON.stringify(result));
}
