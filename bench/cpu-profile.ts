/** Reads what `node --cpu-prof` writes, or the process says of itself: the Profile of the DevTools protocol. */
import { readdirSync, readFileSync } from 'node:fs';
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';

interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
}

export interface Profile {
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of the monotonic clock. */
  readonly startTime: number;
  readonly samples: readonly number[];
  /** Microseconds between a sample and the one before it. */
  readonly timeDeltas: readonly number[];
}

/** From and to in microseconds of the monotonic clock. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** `CPU.DATE.TIME.PID.THREAD.SEQUENCE.cpuprofile`; thread 0 is the main one. */
const MAIN_THREAD = /^CPU\.\d+\.\d+\.\d+\.0\.\d+\.cpuprofile$/;

/** The profiles of the main threads in a directory. */
export function readProfiles(directory: string): readonly Profile[] {
  return readdirSync(directory)
    .filter((name) => MAIN_THREAD.test(name))
    .map((name) => JSON.parse(readFileSync(join(directory, name), 'utf8')) as Profile);
}

/** What `work` takes of this thread. */
export function profileOf(work: () => Promise<unknown>): Promise<Profile> {
  return withProfiler(async (session) => {
    await session.post('Profiler.start');
    await work();
    const { profile } = await session.post('Profiler.stop');
    return profile as Profile;
  });
}

/** A function of a script, and how often it was called. */
export interface Called {
  /** As of {@link sharesOf}. */
  readonly part: string;
  readonly count: number;
}

/** The functions called while `work` runs on this thread. The numbers are exact, and the work takes longer. */
export function callsOf(work: () => Promise<unknown>): Promise<readonly Called[]> {
  return withProfiler(async (session) => {
    await session.post('Profiler.startPreciseCoverage', { callCount: true });
    await work();
    const { result } = await session.post('Profiler.takePreciseCoverage');
    return result.flatMap(({ url, functions }) =>
      functions.map(({ ranges }) => ({ part: partOf(url), count: ranges[0]?.count ?? 0 })),
    );
  });
}

async function withProfiler<T>(use: (session: Session) => Promise<T>): Promise<T> {
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  const result = await use(session);
  session.disconnect();
  return result;
}

/** Time not idle within the span, by part, in parts of the whole. Throws if nothing was sampled within it. */
export function sharesOf(
  profiles: readonly Profile[],
  span: Span = { from: -Infinity, to: Infinity },
): ReadonlyMap<string, number> {
  const times = new Map<string, number>();
  let busy = 0;
  for (const { nodes, startTime, samples, timeDeltas } of profiles) {
    const parts = partsOf(nodes);
    let now = startTime;
    samples.forEach((id, i) => {
      const delta = timeDeltas[i] ?? 0;
      now += delta;
      const part = parts.get(id);
      if (now < span.from || now > span.to || part === undefined) return;
      times.set(part, (times.get(part) ?? 0) + delta);
      busy += delta;
    });
  }
  if (busy === 0) throw new Error(`no sample between ${span.from} and ${span.to} us`);
  return new Map([...times].map(([part, time]) => [part, time / busy]));
}

/** The part each node of the call tree belongs to; none for idle time and the profiler's own. */
function partsOf(nodes: readonly ProfileNode[]): ReadonlyMap<number, string> {
  const parents = new Map(nodes.flatMap((node) => (node.children ?? []).map((id) => [id, node])));
  const parts = new Map<number, string>();
  for (const node of nodes) {
    const { functionName, url } = node.callFrame;
    // To begin a profile takes a while, of which the profile tells, too.
    if (functionName === '(idle)' || url === 'node:inspector') continue;
    if (functionName === '(garbage collector)') parts.set(node.id, 'garbage collector');
    else if (functionName.startsWith('(')) parts.set(node.id, 'event loop and kernel');
    else if (url) parts.set(node.id, partOf(url));
    else {
      // A native function belongs to the script that calls it.
      let caller: ProfileNode | undefined = node;
      while (caller && !caller.callFrame.url) caller = parents.get(caller.id);
      parts.set(node.id, caller ? `native, by ${partOf(caller.callFrame.url)}` : 'native');
    }
  }
  return parts;
}

/** A room of src/, a part of Node.js, or a package. */
function partOf(url: string): string {
  const room = /\/dist\/([^/]+?)(?:\.js)?(?:\/|$)/.exec(url);
  if (room) return `src/${room[1]}`;
  const installed = /\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url);
  if (installed) return `package ${installed[1]}`;
  if (/^node:(_http|internal\/http)/.test(url)) return 'node:http';
  if (/^node:(net|events|_?stream|internal\/(net|streams?|stream_base_commons))/.test(url))
    return 'node:net, streams';
  return 'other of Node.js';
}
