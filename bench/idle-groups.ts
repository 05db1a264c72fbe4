/**
 * `npx tsx bench/idle-groups.ts [--groups 3000] [--seconds 20] [--data DIR] [--port N] [--cpu-prof DIR]`: what groups cost that
 * nobody asks, on three nodes that hold a replica of each, how soon all groups that a killed node led are led again by somebody
 * who has committed something since, and how long a node takes to stop. Builds the tree first.
 */
import type { ChildProcess } from 'node:child_process';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { cpuOf, quiet, sleep, total } from './proc.ts';
import { giveUp, run, stop } from './processes.ts';
import { makeDirectory } from './settings.ts';
import { anonymousMib } from './soak/vitals.ts';
import { argumentsOf, launchNode, NODES } from './systems/flotilla.ts';
import { until } from './systems/system.ts';
import { row } from './tables.ts';

const TREE = join(import.meta.dirname, '..');
const SETTLED_MS_MAX = 600_000;
const FORMATION_POLL_MS = 2_000;
/** The status of thousands of groups is work for a node, too. */
const FAIL_OVER_POLL_MS = 250;
const LEDGER_COLUMN = 36;
/** So long without a thing to do, a node's groups are idle. */
const REST_MS = 10_000;

interface Group {
  readonly id: number;
  readonly leader: string;
  readonly term: number;
  readonly commit: number;
}

interface Status {
  readonly groups: readonly Group[];
}

const { values } = parseArgs({
  options: {
    groups: { type: 'string', default: '3000' },
    seconds: { type: 'string', default: '20' },
    data: { type: 'string', default: tmpdir() },
    port: { type: 'string', default: '9400' },
    'cpu-prof': { type: 'string' },
  },
});
const [groups, seconds, port] = [values.groups, values.seconds, values.port].map(Number) as [
  number,
  number,
  number,
];
if (![groups, seconds, port].every((count) => Number.isSafeInteger(count) && count > 0)) {
  giveUp('--groups, --seconds and --port are whole numbers');
}

await run('npm', ['run', '--silent', 'build'], {}, TREE);
console.log(`${cpus()[0]?.model}, Node ${process.version}; ${groups} groups on three nodes`);

/** Memory of nodes with as many groups as there are nodes: what is more than that, groups take. */
const few = await formed(NODES.length);
await quiet(few.map(pidOf));
const bare = few.map((node) => anonymousMib(pidOf(node)));
await Promise.all(few.map((node) => stop(node, 'SIGKILL')));

const began = performance.now();
const nodes = await formed(groups);
print('seconds to form', [(performance.now() - began) / 1000]);
await sleep(REST_MS);
await quiet(nodes.map(pidOf));

const before = nodes.map((node) => total(cpuOf(pidOf(node))));
await sleep(1000 * seconds);
const used = nodes.map((node, i) => total(cpuOf(pidOf(node))) - (before[i] as number));
print(
  `idle for ${seconds} s, % of a core`,
  used.map((each) => (100 * each) / seconds),
);
const memory = nodes.map((node, i) => anonymousMib(pidOf(node)) - (bare[i] as number));
print(
  'memory, KiB a replica',
  memory.map((mib) => (1024 * mib) / groups),
);

const [victim, ...others] = nodes as [ChildProcess, ChildProcess, ChildProcess];
const led = new Map(
  (await statusOf(1)).filter(({ leader }) => leader === 'n1').map((g) => [g.id, g]),
);
print('groups that n1 leads', [led.size]);
const spent = others.map((node) => total(cpuOf(pidOf(node))));
await stop(victim, 'SIGKILL');
const killed = performance.now();
await until('others lead', async () => {
  await sleep(FAIL_OVER_POLL_MS);
  const now = await statusOf(2);
  const left = now.filter(({ id, leader, commit }) => {
    const old = led.get(id);
    return old !== undefined && (leader === '' || leader === 'n1' || commit <= old.commit);
  });
  console.error(
    `${((performance.now() - killed) / 1000).toFixed(2)} s: ${left.length} are not led`,
  );
  return left.length === 0;
});
print('seconds until all are led again', [(performance.now() - killed) / 1000]);
print(
  'processor time of the others, s',
  others.map((node, i) => total(cpuOf(pidOf(node))) - (spent[i] as number)),
);
await sleep(REST_MS);
const after = others.map((node) => total(cpuOf(pidOf(node))));
await sleep(1000 * seconds);
print(
  'idle with a dead node, % of a core',
  others.map((node, i) => (100 * (total(cpuOf(pidOf(node))) - (after[i] as number))) / seconds),
);
const [stopping, last] = others as [ChildProcess, ChildProcess];
const asked = performance.now();
await stop(stopping, 'SIGTERM');
print('seconds for a clean stop', [(performance.now() - asked) / 1000]);
await stop(last, values['cpu-prof'] ? 'SIGTERM' : 'SIGKILL');
process.exit();

/** New nodes, once every group has a leader, and the one that should lead it. */
async function formed(count: number): Promise<readonly ChildProcess[]> {
  const directory = makeDirectory(values.data);
  const profile = values['cpu-prof'];
  const nodeOptions = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const started = NODES.map((i) =>
    launchNode(`n${i}`, TREE, nodeOptions, [
      ...argumentsOf(i, directory, port),
      ...['--initial-groups', String(count)],
    ]),
  );
  const end = performance.now() + SETTLED_MS_MAX;
  for (;;) {
    await sleep(count > 100 ? FORMATION_POLL_MS : FAIL_OVER_POLL_MS);
    const status = await statusOf(1).catch(() => []);
    const data = status.filter(({ id }) => id > 0);
    const isLed = ({ id, leader }: Group) => leader === `n${1 + ((id - 1) % NODES.length)}`;
    if (data.length === count && data.every(isLed)) return started;
    if (performance.now() > end) giveUp(`${data.filter(isLed).length} of ${count} groups are led`);
  }
}

async function statusOf(node: number): Promise<readonly Group[]> {
  const answer = await fetch(`http://127.0.0.1:${port + node}/_flotilla/status`);
  return ((await answer.json()) as Status).groups;
}

function pidOf({ pid }: ChildProcess): number {
  return pid as number;
}

function print(what: string, figures: readonly number[]): void {
  row(
    [what],
    figures.map((figure) => figure.toFixed(2)),
    LEDGER_COLUMN,
  );
}
