import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { launchWorker } from '../../processes.ts';
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
