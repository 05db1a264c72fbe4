import type { Figures } from '../load/figures.ts';
import type { Action } from '../work.ts';

/** A running system under test. */
export interface System {
  readonly name: string;
  /** Its processes. */
  readonly pids: readonly number[];
  /** Whether it is stopped (SIGSTOP) while others are measured: it must wake up as it was, without elections. */
  readonly isFrozenBetween: boolean;
  /** Writes every key once. */
  fill(): Promise<void>;
  /** Finds, by trying, how its clients serve it best for this work; {@link load} keeps to it. Says what it found. */
  tune?(action: Action, connections: number): Promise<string>;
  load(action: Action, connections: number, seconds: number): Promise<Figures>;
}

const TRIES = 600;
const TRY_MS = 50;

/** Waits until `condition` holds; that it throws means "not yet". Throws after half a minute. */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < TRIES; tries++) {
    if (await condition().catch(() => false)) return;
    await new Promise((resolve) => setTimeout(resolve, TRY_MS));
  }
  throw new Error(`waited in vain until ${what}`);
}
