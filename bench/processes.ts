/**
 * What a run starts and makes ends with it: on every way out (the end, an error, a signal) each child is killed by its
 * process id, then everything registered with {@link atEnd} is undone, the last first.
 *
 * Each child leads a process group, so that Ctrl-C in a terminal reaches this process only and children of children end too.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

const children = new Set<ChildProcess>();
const expected = new Set<ChildProcess>();
const undo: (() => void)[] = [];
let gently: (() => void) | undefined;
/** How much of what a process said is kept for the case that it fails. */
const SAID_MAX = 4000;

process.once('exit', () => {
  for (const child of children) killGroup(child);
  for (const work of undo.reverse()) work();
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    const stop = gently ?? (() => process.exit(130));
    gently = undefined;
    stop();
  });
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended, and its `exit` has not been seen yet.
  }
}

/** Registers synchronous work for the end of this process, after its children are killed. */
export function atEnd(work: () => void): void {
  undo.push(work);
}

/** The first signal asks a run that has something to tell so far to come to its end; the next one ends it. */
export function onFirstSignal(stop: () => void): void {
  gently = stop;
}

/** Says in one line why the run cannot go on, and ends it. */
export function giveUp(why: string): never {
  console.error(`bench: ${why}`);
  process.exit(1);
}

/** Starts a server. If it ends before {@link stop}, the run ends too. */
export function launch(
  name: string,
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): ChildProcess {
  return endsTheRun(name, start(command, args, env));
}

/** Starts a program of bench/ that talks by messages; its typed arrays arrive as such. If it ends, the run ends too. */
export function launchWorker(name: string, program: string): ChildProcess {
  const args = [...process.execArgv, program];
  return endsTheRun(name, start(process.execPath, args, {}, undefined, true));
}

function endsTheRun(name: string, child: ChildProcess): ChildProcess {
  let said = '';
  const keep = (text: string) => {
    said = (said + text).slice(-SAID_MAX);
  };
  child.stdout?.on('data', keep);
  child.stderr?.on('data', keep);
  child.once('exit', (code, signal) => {
    if (!expected.has(child)) giveUp(`${name} ended early (${signal ?? code}): ${said}`);
  });
  return child;
}

/** A server is going to end by itself, which is no reason for the run to end. */
export function mayEnd(child: ChildProcess): void {
  expected.add(child);
}

/** Asks a server to end, or kills it, and waits for it. It may have ended by itself. */
export async function stop(
  child: ChildProcess,
  signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  mayEnd(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

/** Runs a program to its end and returns what it printed. Throws if it failed. */
export function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd?: string,
): Promise<string> {
  const child = start(command, args, env, cwd);
  let output = '';
  let said = '';
  child.stdout?.on('data', (text: string) => {
    output += text;
  });
  child.stderr?.on('data', (text: string) => {
    said = (said + text).slice(-SAID_MAX);
  });
  return new Promise((resolve, reject) => {
    child.once('close', (code, signal) => {
      if (code === 0) resolve(output);
      else reject(new Error(`${command} failed (${signal ?? code}): ${said || output}`));
    });
  });
}

function start(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  cwd?: string,
  withMessages = false,
): ChildProcess {
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe', ...(withMessages ? (['ipc'] as const) : [])],
    serialization: 'advanced',
    detached: true,
    env: { ...process.env, ...env },
    cwd,
  });
  child.stdout?.setEncoding('utf8');
  child.stderr?.setEncoding('utf8');
  children.add(child);
  child.once('exit', () => children.delete(child));
  child.once('error', (error) => giveUp(`${command} did not start: ${error.message}`));
  return child;
}

/** A program the run needs, and the command that brings it. */
export interface Tool {
  readonly command: string;
  readonly install: string;
}

/** Ends the run with one line if a tool is missing. */
export function requireTools(tools: readonly Tool[]): void {
  const missing = tools.filter(({ command }) => spawnSync(command, ['--version']).error);
  if (missing.length === 0) return;
  const names = missing.map(({ command }) => command).join(', ');
  const packages = [...new Set(missing.map(({ install }) => install))].join(' ');
  giveUp(`missing: ${names}. It comes with: apt-get install ${packages}`);
}
