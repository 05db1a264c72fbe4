import { type Pace, type PaceLimits, paceOf } from '../engine/index.ts';
import type { Clock } from '../ports/index.ts';

/** Of each step: making, fetching, installing. More than a node takes writes at, so that whoever is behind catches up. */
const BYTES_PER_SECOND = 16 * 1024 * 1024;
/** On a machine that has no time for it: a part of the above. */
const SLOWEST = 1 / 5;

/** Parts of the time. Making is work of a node that serves clients; an install waits for the disk most of its time. */
const MAKING_SHARE = 0.12;
const FETCHING_SHARE = 0.3;
const INSTALLING_SHARE = 0.3;

export interface InstallPaces {
  readonly fetching: Pace;
  readonly installing: Pace;
}

/**
 * What a node spends on the snapshots of all its groups (E3): it makes one and installs one at a time, at a bounded pace, so
 * that those who serve clients beside it are not held up. Lives as long as the node.
 */
export class SnapshotWork {
  readonly #clock: Clock;
  readonly #bytesPerSecond: number;
  #making: Promise<unknown> = Promise.resolve();
  #installing: Promise<unknown> = Promise.resolve();
  #offeredBytes = 0;

  /** `bytesPerSecond` bounds each step; 16 MiB unless told. */
  constructor(clock: Clock, bytesPerSecond = BYTES_PER_SECOND) {
    this.#clock = clock;
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Runs the work once all that was to be made before is made. */
  making<T>(work: (pace: Pace) => Promise<T>): Promise<T> {
    const made = this.#making.then(() => work(this.#paceOf(MAKING_SHARE)));
    this.#making = made.catch(() => {});
    return made;
  }

  /** Likewise; making and installing do not wait for each other, or two nodes might. */
  installing<T>(work: (paces: InstallPaces) => Promise<T>): Promise<T> {
    const installed = this.#installing.then(() =>
      work({
        fetching: this.#paceOf(FETCHING_SHARE),
        installing: this.#paceOf(INSTALLING_SHARE),
      }),
    );
    this.#installing = installed.catch(() => {});
    return installed;
  }

  /** Of the files that followers of this node's groups may fetch now. */
  get offeredBytes(): number {
    return this.#offeredBytes;
  }

  /** A file of so many bytes is offered, or with a negative number no longer. */
  offered(bytes: number): void {
    this.#offeredBytes += bytes;
  }

  #paceOf(share: PaceLimits['share']): Pace {
    const bytesPerSecond = this.#bytesPerSecond;
    return paceOf(this.#clock, {
      perSecond: bytesPerSecond,
      share,
      slowestPerSecond: SLOWEST * bytesPerSecond,
    });
  }
}
