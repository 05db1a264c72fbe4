import { BUGGIFY_SITES, type Buggify, type BuggifySite } from '../../ports/index.ts';
import type { SimRandom } from '../random.ts';

/**
 * One call of so many does what the site offers, where the world has the site switched on. Sites that are asked all the time
 * are rarer.
 */
const ONCE_IN: Readonly<Record<BuggifySite, number>> = {
  'log: one step a batch': 10,
  'group: apply one entry a turn': 10,
  'group: flush early': 200,
  'group: keep nothing for followers': 200,
  'group: keep nothing in memory': 20,
  'group: a late flush': 4,
  'group: stand out of turn': 500,
  'group: stand in a change': 10,
  'node: lead elsewhere': 10,
  'node: refuse a command': 50,
  'node: a map is late': 4,
  'node: a map is late on the disk': 2,
  'jobs: a small step': 2,
  'jobs: a small part': 2,
  'jobs: a late part': 4,
  'link: lose a frame': 200,
  'link: a message of Raft comes twice': 50,
  'link: a message of Raft comes late': 50,
  'link: break the connection': 2_000,
  'router: miss the answer': 50,
  'router: tell the controller again': 4,
  'node: ask by way of another': 20,
  'node: a slice comes late': 4,
};

/** Which sites a world has switched on, and how often each of them did something. */
export class SimBuggify {
  readonly counts = new Map<BuggifySite, number>();
  readonly #random: SimRandom;
  readonly #on: ReadonlySet<BuggifySite>;
  /** False while a world is to come to rest. */
  isOn = true;

  /** Half of the sites unless told, so that a world is not all noise, and rare things meet others. */
  constructor(random: SimRandom, sites?: readonly BuggifySite[]) {
    this.#random = random;
    this.#on = new Set(sites ?? BUGGIFY_SITES.filter(() => random.once(2)));
  }

  get sites(): readonly BuggifySite[] {
    return [...this.#on];
  }

  readonly ask: Buggify = (site) => {
    if (!this.isOn || !this.#on.has(site) || !this.#random.once(ONCE_IN[site])) return false;
    this.counts.set(site, (this.counts.get(site) ?? 0) + 1);
    return true;
  };
}
