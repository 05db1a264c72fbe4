import type { Means } from './means.ts';

/** What a job has under way, one thing at a time for each key. */
export class Tasks<Key> {
  readonly #fatal: Means['fatal'];
  readonly #keys = new Set<Key>();

  constructor({ fatal }: Pick<Means, 'fatal'>) {
    this.#fatal = fatal;
  }

  /** Nothing happens while there is something under way for the key. */
  begin(key: Key, work: () => Promise<unknown>): void {
    if (this.#keys.has(key)) return;
    this.#keys.add(key);
    work()
      .catch(this.#fatal)
      .finally(() => this.#keys.delete(key));
  }
}
