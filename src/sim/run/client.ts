import type { SimRandom } from '../random.ts';
import type { Histories } from './histories.ts';
import type { Layout } from './items.ts';
import type { Requests } from './requests.ts';

/** What one client of a world does, again and again. */
export interface Client {
  /** One operation; resolves when the client knows how it ended, or that it never will. */
  operate(random: SimRandom): Promise<void>;
}

/** What clients of the same items share. */
export interface Shared {
  readonly requests: Requests;
  readonly histories: Histories;
  readonly layout: Layout;
  /** How many items there are of each kind. */
  readonly keys: number;
  /** One read of so many is eventually consistent. 0: none. */
  readonly eventualOnceIn: number;
}

export function isConsistent({ eventualOnceIn }: Shared, random: SimRandom): boolean {
  return eventualOnceIn === 0 || !random.once(eventualOnceIn);
}
