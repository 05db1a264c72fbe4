import { CONTROLLER_GROUP } from '../../controller/index.ts';
import type { Machine } from '../machine.ts';
import type { SimRandom } from '../random.ts';
import type { World } from '../world.ts';
import type { Operator } from './operator.ts';

/** How long what ends by itself lasts, in milliseconds. */
export const HOLD_MS = [100, 4_000] as const;

export type Way = readonly [from: string, to: string];

/** What a fault has to work with: whom it strikes, and how it is taken back. */
export interface Scene {
  readonly world: World;
  readonly random: SimRandom;
  readonly machine: Machine;
  readonly name: string;
  /** Another machine; the same one in a world of one. */
  readonly other: string;
  /** Of all machines. */
  readonly names: readonly string[];
  /** The machine whose disk did not keep what it took, if there is one. */
  readonly damaged: string | undefined;
  readonly operator: Operator;
  /** Runs after so many milliseconds, unless all is to be well by then. */
  later(ms: number, run: () => void): void;
  /** Ends something after so many milliseconds, or when all is to be well. */
  until(ms: number, end: () => void): void;
  /** A machine that was taken down is not started before so many milliseconds have passed; a while unless told. */
  startLater(name: string, ms?: number): void;
  /** Cuts these ways for so many milliseconds; a while unless told. */
  cut(ways: readonly Way[], ms?: number): void;
  /** For a fault that comes to pass later than it was drawn. */
  happened(): void;
}

/** False when it cannot happen now, or will tell by `happened`. */
export type Fault = (scene: Scene) => boolean;

export function both(a: string, b: string): readonly Way[] {
  return [
    [a, b],
    [b, a],
  ];
}

/** A group of the world, the controller's among them. */
export function someGroup({ random, world }: Scene): number {
  const groups = world.map?.groups ?? [];
  return groups.length > 0 ? random.pick(groups).id : CONTROLLER_GROUP;
}
