import type { SimRandom } from '../random.ts';

/** Where the items are that clients read and write: all have the partition key `pk` and no sort key. */
export const TABLE = 'simulated';

/** What one client of a world does, again and again. */
export interface Client {
  /** One operation; resolves when the client knows how it ended, or that it never will. */
  operate(random: SimRandom): Promise<void>;
}
