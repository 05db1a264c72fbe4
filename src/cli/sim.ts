import { randomInt } from 'node:crypto';
import { createWriteStream, type WriteStream } from 'node:fs';
import { nodeHost } from '../platform/index.ts';
import { FAULTS, type FaultKind, type Outcome, type Report, runWorld } from '../sim/index.ts';

export interface SimFlags {
  readonly seed?: number;
  readonly nodes: number;
  readonly minutes: number;
  readonly faults?: readonly string[];
  readonly trace?: string;
}

const EXIT_CODES: Readonly<Record<Outcome, number>> = {
  clean: 0,
  correctness: 10,
  liveness: 11,
  crash: 12,
};

const SEEDS = 2 ** 32;

/** `flotilla sim`: one world, from its seed. */
export async function sim({ seed = randomInt(SEEDS), nodes, minutes, trace, ...flags }: SimFlags) {
  const faults = flags.faults?.map(faultKind);
  const file = trace === undefined ? undefined : createWriteStream(trace);
  const began = performance.now();
  console.log(`seed ${seed}: ${nodes} nodes, ${minutes} simulated minutes`);
  const only = faults ? ` --faults ${faults.join(',')}` : '';
  const again = `to see it again: flotilla sim --seed ${seed} --nodes ${nodes} --minutes ${minutes}${only}`;
  // What nobody has caught would have ended a node, and whose it is cannot be told.
  process.once('unhandledRejection', (error) => {
    console.log(error);
    console.log(again);
    process.exit(EXIT_CODES.crash);
  });
  const report = await runWorld({
    seed,
    nodes,
    minutes,
    host: nodeHost(),
    ...(faults && { faults }),
    onProgress: (simulatedMs) => {
      const seconds = (performance.now() - began) / 1000;
      console.log(`  ${(simulatedMs / 1000).toFixed(0)} s simulated in ${seconds.toFixed(1)} s`);
    },
    ...(file && {
      onEvent: (event) => write(file, event),
      onHappening: (happening) => write(file, happening),
    }),
  });
  const seconds = (performance.now() - began) / 1000;
  if (file) await new Promise<void>((resolve) => file.end(resolve));
  print(report);
  if (report.outcome !== 'clean') console.log(again);
  console.log(`trace ${report.trace}`);
  console.log(
    `simulated seconds per real second: ${(report.simulatedMs / 1000 / seconds).toFixed(1)}`,
  );
  process.exitCode = EXIT_CODES[report.outcome];
}

function write(file: WriteStream, line: object): void {
  file.write(`${JSON.stringify(line)}\n`);
}

function print({ drawn, outcome, wrong, last, events, occurred, outcomes }: Report): void {
  for (const [option, value] of Object.entries(drawn)) {
    console.log(`  ${option}: ${Array.isArray(value) ? value.join(', ') : value}`);
  }
  const requests = [...outcomes].map(([ending, count]) => `${count} ${ending}`);
  console.log(`requests: ${requests.join(', ') || 'none'}`);
  for (const [what, count] of [...occurred].sort(([a], [b]) => (a < b ? -1 : 1))) {
    console.log(`  ${String(count).padStart(8)}  ${what}`);
  }
  console.log(`${outcome}, after ${events} events`);
  if (outcome === 'clean') return;
  for (const { event, at, what } of last) {
    console.log(`  event ${event}, ${(at / 1000).toFixed(3)} s: ${what}`);
  }
  for (const text of wrong) console.log(text);
}

function faultKind(name: string): FaultKind {
  const kind = FAULTS.find((candidate) => candidate === name);
  if (kind) return kind;
  console.error(`flotilla: There is no fault ${name}, but ${FAULTS.join(', ')}`);
  process.exit(1);
}
