/** Which thread of a Flotilla node does what. */
import { type Thread, threadsOf, total } from './proc.ts';

export const MAIN = 'main thread';
/** Commits to LMDB; a worker, so its JavaScript is here too. */
const WRITER = 'thread that writes LMDB';
/** libuv's; what waits for the disk of the log. */
const POOL = 'thread pool (log)';
const HELPERS = 'V8 helpers (GC, compiler)';
const PROFILER = 'profiler';
export const ROLES = [MAIN, WRITER, POOL, HELPERS] as const;
export type Role = (typeof ROLES)[number] | typeof PROFILER;

/** What V8 names the thread that collects samples. */
const PROFILER_THREAD = 'v8:ProfEvntProc';

/**
 * Node.js 20 gives its threads no names, but starts them in a known order: V8's helpers, then, with `--cpu-prof`, the
 * profiler of the main thread, then the thread pool. A worker is followed by a profiler of its own.
 */
function roleOf(pid: number, threads: readonly Thread[], at: number): Role {
  const thread = threads[at] as Thread;
  if (thread.id === pid) return MAIN;
  if (thread.name === PROFILER_THREAD) return PROFILER;
  if (threads[at + 1]?.name === PROFILER_THREAD && isAfterProfiler(threads, at)) return WRITER;
  return isAfterProfiler(threads, at) ? POOL : HELPERS;
}

function isAfterProfiler(threads: readonly Thread[], at: number): boolean {
  return threads.findIndex(({ name }) => name === PROFILER_THREAD) < at;
}

/** Seconds of processor time since the processes began. The profiler's threads are not part of `kernel`. */
export interface Spent {
  readonly byRole: ReadonlyMap<Role, number>;
  readonly kernel: number;
}

/** Of all nodes together. They must run with `--cpu-prof`. */
export function spent(pids: readonly number[]): Spent {
  const byRole = new Map<Role, number>();
  let kernel = 0;
  for (const pid of pids) {
    const threads = threadsOf(pid);
    threads.forEach(({ time }, at) => {
      const role = roleOf(pid, threads, at);
      byRole.set(role, (byRole.get(role) ?? 0) + total(time));
      if (role !== PROFILER) kernel += time.system;
    });
  }
  return { byRole, kernel };
}
