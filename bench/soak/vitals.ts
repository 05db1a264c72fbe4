/** What a node takes, out of /proc and its data directory: Linux only. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { cpuOf, TICKS_PER_SECOND, total } from '../proc.ts';
import type { SoakCluster, SoakNode } from './cluster.ts';

const MIB = 2 ** 20;
const BLOCK_BYTES = 512;

export interface Vitals {
  /** MiB of memory of its own: neither mapped files nor shared libraries. */
  readonly anonymousMib: number;
  readonly descriptors: number;
  /** MiB that the directories take on the disk. */
  readonly logMib: number;
  readonly engineMib: number;
  /** Seconds of processor time since its start. */
  readonly cpuSeconds: number;
  /** When LMDB's file was last written to: a flush, or an install of a snapshot. Milliseconds. */
  readonly flushedAt: number;
  /** The segments of the log, so that a change tells that one was begun or recycled. */
  readonly segments: string;
  readonly snapshots: number;
}

export function vitalsOf(cluster: SoakCluster, node: SoakNode): Vitals {
  const pid = cluster.pidOf(node);
  const log = filesIn(join(node.directory, 'log'));
  const engine = filesIn(join(node.directory, 'engine'));
  return {
    anonymousMib: anonymousMib(pid),
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    logMib: sumMib(log),
    engineMib: sumMib(engine),
    cpuSeconds: total(cpuOf(pid)),
    flushedAt: engine.find(({ name }) => name === 'data.mdb')?.changedAt ?? 0,
    segments: log
      .map(({ name }) => name)
      .sort()
      .join(),
    snapshots: filesIn(join(node.directory, 'snapshots')).length,
  };
}

/** RssAnon of a process; see proc_pid_status(5). */
export function anonymousMib(pid: number): number {
  const found = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  if (!found) throw new Error(`/proc/${pid}/status has no RssAnon`);
  return Number(found[1]) / 1024;
}

interface File {
  readonly name: string;
  readonly bytes: number;
  readonly changedAt: number;
}

/** A file may go while it is looked at. */
function filesIn(directory: string): File[] {
  let names: string[];
  try {
    names = readdirSync(directory);
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const stat = statSync(join(directory, name), { throwIfNoEntry: false });
    if (!stat) return [];
    return [{ name, bytes: stat.blocks * BLOCK_BYTES, changedAt: stat.mtimeMs }];
  });
}

function sumMib(files: readonly File[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0) / MIB;
}

/** Of all cores together since the machine was started. */
export interface MachineTime {
  readonly atMs: number;
  /** Whatever is not idle or waiting for a disk; what a host gives to other machines is in it. */
  readonly busySeconds: number;
}

/** Reads `/proc/stat`; see proc_stat(5). */
export function machineTime(): MachineTime {
  const [first = ''] = readFileSync('/proc/stat', 'utf8').split('\n');
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = first
    .split(/\s+/)
    .slice(1)
    .map(Number);
  const ticks = user + nice + system + irq + softirq + steal;
  return { atMs: performance.now(), busySeconds: ticks / TICKS_PER_SECOND };
}
