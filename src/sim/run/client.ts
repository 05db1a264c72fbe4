import type { SimRandom } from '../random.ts';

/** What one client of a world does, again and again. */
export interface Client {
  /** One operation; resolves when the client knows how it ended, or that it never will. */
  operate(random: SimRandom): Promise<void>;
}
