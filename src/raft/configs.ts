import { broken } from './invariant.ts';
import type { Config, Entry, Index, Member } from './types.ts';

interface Change {
  readonly index: Index;
  readonly config: Config;
}

/**
 * The configurations of a log. The last one counts, committed or not, from the moment when its entry is appended (thesis §4.3,
 * G11): where its entry is overwritten, the one before it counts again.
 */
export class Configs {
  /** Oldest first, never empty; the first one is of the time before the entries in memory. */
  #changes: Change[];

  /** `config`: as of `index`, or, where the entries after it hold some, whatever their last one is. */
  constructor(index: Index, config: Config, entries: readonly Entry[]) {
    this.#changes = [{ index, config }];
    this.append(entries);
  }

  get current(): Config {
    return (this.#changes.at(-1) as Change).config;
  }

  /** Of the entry that holds the current one; what was there at the start has the index of that. */
  get index(): Index {
    return (this.#changes.at(-1) as Change).index;
  }

  /** The one before the current one, if it is known. */
  get previous(): Config | undefined {
    return this.#changes.at(-2)?.config;
  }

  /** As of this entry; see `Raft.configAt`. */
  at(index: Index): Config {
    const change = this.#changes.findLast((known) => known.index <= index);
    return (change ?? (this.#changes[0] as Change)).config;
  }

  /** True when the current one is another one now. */
  append(entries: readonly Entry[]): boolean {
    let changed = false;
    for (const { index, kind, data } of entries) {
      if (kind !== 'config') continue;
      this.#changes.push({ index, config: decodeConfig(data) });
      changed = true;
    }
    return changed;
  }

  /** The entries from `index` on are gone. True when the current one is another one now. */
  truncateFrom(index: Index): boolean {
    const { length } = this.#changes;
    this.#changes = this.#changes.filter((change, i) => i === 0 || change.index < index);
    return this.#changes.length < length;
  }

  /** Everything up to `index` is that of a snapshot, and what follows up to `lastIndex` is kept. */
  installed(index: Index, config: Config, lastIndex: Index): void {
    const kept = this.#changes.filter(
      (change) => change.index > index && change.index <= lastIndex,
    );
    this.#changes = [{ index, config }, ...kept];
  }

  /** Nobody asks for one of before `index` any more. */
  forgetBefore(index: Index): void {
    const first = this.#changes.findLastIndex((change) => change.index <= index);
    if (first > 0) this.#changes = this.#changes.slice(first);
  }
}

/** The data of an entry of the kind `config`: JSON, in ASCII. */
export function encodeConfig({ incoming, outgoing, learners, plan }: Config): Uint8Array {
  const text = JSON.stringify({ incoming, outgoing, learners, plan });
  return Uint8Array.from(text, (letter) => {
    const unit = letter.charCodeAt(0);
    if (unit >= 0x80) throw broken('incarnation', { text });
    return unit;
  });
}

export function decodeConfig(data: Uint8Array): Config {
  const config = JSON.parse(String.fromCharCode(...data)) as Config;
  const lists: readonly unknown[] = [config.incoming, config.outgoing, config.learners];
  if (!lists.every(isMembers) || !Number.isSafeInteger(config.plan))
    throw broken('configuration', { config: JSON.stringify(config) });
  return config;
}

function isMembers(list: unknown): list is readonly Member[] {
  return (
    Array.isArray(list) &&
    list.every(({ id, incarnation }) => Number.isSafeInteger(id) && typeof incarnation === 'string')
  );
}
