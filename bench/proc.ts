/** Processor time out of /proc: Linux only. */
import { readdirSync, readFileSync } from 'node:fs';

/** How the kernel counts processor time towards programs: the same on every machine that Node.js runs on. */
export const TICKS_PER_SECOND = 100;

/** Seconds since the process or thread began. */
export interface CpuTime {
  readonly user: number;
  readonly system: number;
}

export interface Thread {
  readonly id: number;
  readonly name: string;
  readonly time: CpuTime;
}

/** Reads `/proc/…/stat`; see proc(5). The name stands in parentheses and may hold anything, so fields count from its end. */
function readStat(path: string): { readonly name: string; readonly time: CpuTime } {
  const text = readFileSync(path, 'utf8');
  const close = text.lastIndexOf(')');
  // Fields 14 and 15 of the man page; the first after the name is field 3.
  const fields = text.slice(close + 2).split(' ');
  const seconds = (field: number) => Number(fields[field - 3]) / TICKS_PER_SECOND;
  return {
    name: text.slice(text.indexOf('(') + 1, close),
    time: { user: seconds(14), system: seconds(15) },
  };
}

export function cpuOf(pid: number): CpuTime {
  return readStat(`/proc/${pid}/stat`).time;
}

/** The threads of a process in the order they were started in. */
export function threadsOf(pid: number): readonly Thread[] {
  return readdirSync(`/proc/${pid}/task`)
    .map((id) => ({ id: Number(id), ...readStat(`/proc/${pid}/task/${id}/stat`) }))
    .sort((a, b) => a.id - b.id);
}

export function total({ user, system }: CpuTime): number {
  return user + system;
}

function sum(pids: readonly number[]): number {
  return pids.reduce((seconds, pid) => seconds + total(cpuOf(pid)), 0);
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How busy the processes are together for `ms`, in parts of one core. */
export async function loadOf(pids: readonly number[], ms: number): Promise<number> {
  const before = sum(pids);
  const began = performance.now();
  await sleep(ms);
  return (1000 * (sum(pids) - before)) / (performance.now() - began);
}

const QUIET_LOAD = 0.1;
const QUIET_MS = 250;
const QUIET_TRIES = 40;

/** Waits until the processes have done what their last load left them to do, or ten seconds. */
export async function quiet(pids: readonly number[]): Promise<void> {
  if (process.platform !== 'linux') return sleep(4 * QUIET_MS);
  for (let tries = 0; tries < QUIET_TRIES; tries++) {
    if ((await loadOf(pids, QUIET_MS)) < QUIET_LOAD) return;
  }
}
