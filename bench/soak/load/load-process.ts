import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { launchWorker } from '../../processes.ts';
import { Histogram, merged } from './histogram.ts';
import type { FromLoader, Load, Second, ToLoader } from './load.ts';

const PROGRAM = join(import.meta.dirname, 'worker.ts');

/** A load that runs. */
export interface Run {
  /** What happened so far, the oldest first. */
  readonly seconds: readonly Second[];
  /** Resolves at its end with the number of keys whose writes this process got acknowledged so far. */
  readonly ended: Promise<number>;
  /** Sends nothing more; resolves when all is answered. */
  stop(): Promise<number>;
  /** Counts connections as served from now on. */
  mark(): void;
}

/** A load generator in a process of its own, for one load after the other. */
export class LoadProcess {
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  #onMessage: (message: FromLoader) => void = () => {};

  constructor(name: string) {
    this.#child = launchWorker(name, PROGRAM);
    this.#ready = new Promise((resolve) => {
      this.#onMessage = ({ kind }) => {
        if (kind === 'ready') resolve();
      };
    });
    this.#child.on('message', (message: FromLoader) => this.#onMessage(message));
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async run(load: Load, onSecond: (second: Second) => void = () => {}): Promise<Run> {
    await this.#ready;
    const seconds: Second[] = [];
    const ended = new Promise<number>((resolve) => {
      this.#onMessage = (message) => {
        if (message.kind === 'second') {
          seconds.push(message.second);
          onSecond(message.second);
        } else if (message.kind === 'ended') resolve(message.acknowledged);
      };
    });
    this.#say({ kind: 'run', load });
    return {
      seconds,
      ended,
      stop: () => {
        this.#say({ kind: 'stop' });
        return ended;
      },
      mark: () => this.#say({ kind: 'mark' }),
    };
  }

  #say(message: ToLoader): void {
    this.#child.send(message);
  }
}

/** Some seconds of a load together. */
export interface Summary {
  readonly seconds: number;
  readonly successes: number;
  readonly failures: Readonly<Record<string, number>>;
  readonly unsent: number;
  readonly perSecond: number;
  readonly p50: number;
  readonly p99: number;
  readonly gapMs: number;
  readonly connectionGapMs: number;
}

export function summaryOf(seconds: readonly Second[], beganAtMs = 0): Summary {
  const histogram = merged(seconds.map(({ counts }) => new Histogram(counts)));
  const failures: Record<string, number> = {};
  for (const second of seconds) {
    for (const [why, count] of Object.entries(second.failures)) {
      failures[why] = (failures[why] ?? 0) + count;
    }
  }
  const sum = (of: (second: Second) => number) => seconds.reduce((all, one) => all + of(one), 0);
  const longest = (of: (second: Second) => number) => Math.max(0, ...seconds.map(of));
  const lasted = Math.max(0.001, ((seconds.at(-1)?.atMs ?? 0) - beganAtMs) / 1000);
  const successes = sum((second) => second.successes);
  return {
    seconds: lasted,
    successes,
    failures,
    unsent: sum(({ unsent }) => unsent),
    perSecond: successes / lasted,
    p50: histogram.percentileMs(0.5),
    p99: histogram.percentileMs(0.99),
    gapMs: longest(({ gapMs }) => gapMs),
    connectionGapMs: longest(({ connectionGapMs }) => connectionGapMs),
  };
}
