import type { Thresholds } from '../controller/index.ts';
import type { Buggify, Clock } from '../ports/index.ts';
import type { ControllerClient, LeaderClient } from '../router/index.ts';

/** What jobs work with. */
export interface Means {
  readonly controller: ControllerClient;
  readonly leaders: LeaderClient;
  readonly clock: Clock;
  readonly thresholds: Thresholds;
  readonly buggify: Buggify;
  /** Tells an operator something, in one line. */
  readonly notice: (message: string) => void;
  /** What no job knows how to deal with ends the process. */
  readonly fatal: (error: unknown) => void;
}
