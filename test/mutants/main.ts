/**
 * `npm run sim:mutants`: switches on known mistakes, one at a time, and counts how many seeds the simulator needs to find each.
 * Each is a copy of the source with one place changed, and built. With `--write` the table in docs/mutants.md is made anew.
 */
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { MUTANTS, type Mutant } from './mutants.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    only: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

const ROOT = join(import.meta.dirname, '../..');
const CACHE = join(ROOT, 'node_modules/.cache/mutants');
const HUNT = join(import.meta.dirname, 'hunt.ts');
const DOCUMENT = join(ROOT, 'docs/mutants.md');
const NODES = 3;

export interface Found {
  readonly mutant: Mutant;
  /** Undefined: no seed found it. */
  readonly seeds: number | undefined;
  readonly what: string;
}

const chosen = MUTANTS.filter(({ name }) => name.includes(values.only ?? ''));
const found: Found[] = [];
/** By nodes and seed: whether that world is clean as the source is. */
const cleanWorlds = new Map<string, Promise<boolean>>();
const waiting = [...chosen.entries()];
await Promise.all(
  Array.from({ length: availableParallelism() }, async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [number, mutant] = next;
      const result = await hunt(mutant, number);
      found.push(result);
      const count = `${found.length}/${chosen.length}`;
      const seeds = result.seeds === undefined ? 'NOT FOUND' : `${result.seeds} seeds`;
      console.log(`${count.padStart(6)}  ${seeds.padEnd(10)} ${mutant.name}: ${result.what}`);
    }
  }),
);
const missed = found.filter(({ seeds }) => seeds === undefined);
console.log(`${found.length - missed.length} of ${found.length} mutants were found`);
if (values.write) writeFileSync(DOCUMENT, table(found));
process.exitCode = missed.length > 0 ? 1 : 0;

async function hunt(mutant: Mutant, number: number): Promise<Found> {
  const directory = join(CACHE, String(number));
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  cpSync(join(ROOT, 'src'), join(directory, 'src'), { recursive: true });
  const path = join(directory, 'src', mutant.file);
  const text = readFileSync(path, 'utf8');
  if (text.split(mutant.from).length !== 2) {
    throw new Error(`${mutant.name}: its place in ${mutant.file} is not there exactly once`);
  }
  writeFileSync(
    path,
    text.replace(mutant.from, () => mutant.to),
  );
  build(directory);
  const { nodes = NODES } = mutant;
  const output = await run(join(directory, 'dist'), nodes, values.seeds);
  rmSync(directory, { recursive: true, force: true });
  const line = foundIn(output);
  if (line === undefined) return { mutant, seeds: undefined, what: output.slice(-200).trim() };
  const [, seed = '', ...what] = line.split(' ');
  const world = `${seed} of ${nodes} nodes`;
  const isClean = cleanWorlds.get(world) ?? isCleanWithout(nodes, seed);
  cleanWorlds.set(world, isClean);
  if (!(await isClean)) throw new Error(`world ${world} is not clean without any mistake`);
  return { mutant, seeds: Number(seed), what: what.join(' ') };
}

/** Types are not checked: what a mistake leaves over may be unused. */
function build(directory: string): void {
  // A directory in node_modules belongs to no package, so it has to say what its files are.
  writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
  const config = {
    extends: join(ROOT, 'tsconfig.build.json'),
    compilerOptions: { rootDir: 'src', outDir: 'dist', noCheck: true, declaration: false },
    include: ['src'],
  };
  writeFileSync(join(directory, 'tsconfig.json'), JSON.stringify(config));
  const { status, stdout } = spawnSync('npx', ['tsc', '-p', directory], { cwd: ROOT });
  if (status !== 0) throw new Error(`tsc: ${stdout}`);
}

/** A world that finds what nobody switched on would find every mutant. */
async function isCleanWithout(nodes: number, seed: string): Promise<boolean> {
  return foundIn(await run(join(ROOT, 'dist'), nodes, '1', seed)) === undefined;
}

function foundIn(output: string): string | undefined {
  return output.split('\n').find((each) => each.startsWith('found '));
}

function run(built: string, nodes: number, seeds: string, from = '1'): Promise<string> {
  return new Promise((resolve) => {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', HUNT, built, String(nodes), seeds, from],
      {
        cwd: ROOT,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk: Buffer) => {
      output += chunk;
    });
    child.on('close', () => resolve(output));
  });
}

/** In the order of the list, so that a change shows. */
function table(all: readonly Found[]): string {
  const rows = MUTANTS.flatMap((mutant) => all.filter((one) => one.mutant === mutant)).map(
    ({ mutant: { rule, name, file, nodes = NODES }, seeds, what }) =>
      `| ${rule} | ${name} | src/${file} | ${nodes} | ${seeds ?? 'not found'} | ${what} |`,
  );
  return `# Mutants

Known mistakes, switched on one at a time in a copy of the source, and how many seeds the simulator needed to find each: worlds of
three nodes, or of five, and one simulated minute, with all faults; up to ${values.seeds} were tried. \`npm run sim:mutants -- --write\` makes this table.

Two of Raft's known mistakes (docs/rules.md, G) cannot be made here: a change of the members that comes before the leader has committed
anything does no harm with joint consensus (G1), and there are no leases that a clock could break (G10).

| rule | mistake | place | nodes | seeds | what was seen |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`;
}
