import { ByteReader, ByteWriter, utf8, utf8Text } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import { recordChanges } from './map-changes.ts';
import type { ClusterMap, ConfigNumber, Configuration, Table } from './types.ts';

/** So many can be asked for by their numbers, and no more bytes than this of them; older ones are forgotten. */
export const HISTORY_LENGTH = 1_000;
export const HISTORY_BYTES = 16 * 2 ** 20;

const KEYS = { from: Uint8Array.of(0x03), to: Uint8Array.of(0x04) };
const EMPTY: Configuration = { number: 0, groups: [], shards: [] };

function keyOf(number: ConfigNumber): Uint8Array {
  return new ByteWriter(5).u8(0x03).u32(number).take();
}

/**
 * The newest configurations, each a record of its own in the controller's state. In memory are only their numbers and sizes, since
 * they are rarely asked for and each names every shard.
 */
export class History {
  /** Of each its size in bytes, in ascending order of the numbers. */
  readonly #sizes = new Map<ConfigNumber, number>();
  #bytes = 0;

  restore(state: Reader): void {
    this.#sizes.clear();
    this.#bytes = 0;
    const cursor = state.range(KEYS);
    for (let pair = cursor.next(); pair; pair = cursor.next()) {
      const key = new ByteReader(pair.key);
      key.u8();
      this.#add(key.u32(), pair.value.length);
    }
    cursor.close();
  }

  /** To be told of every change of the map. What is to be written: nothing where the configuration stays as it was. */
  record(before: ClusterMap, after: ClusterMap): Write[] {
    if (isSameConfiguration(before, after)) return [];
    const configuration = configurationOf(after);
    const value = utf8(JSON.stringify(configuration));
    this.#add(configuration.number, value.length);
    const forgotten = this.#forget().map((number) => ({ key: keyOf(number), value: undefined }));
    return [...forgotten, { key: keyOf(configuration.number), value }];
  }

  #add(number: ConfigNumber, size: number): void {
    this.#sizes.set(number, size);
    this.#bytes += size;
  }

  /** The newest one always stays. */
  #forget(): ConfigNumber[] {
    const forgotten: ConfigNumber[] = [];
    for (const [number, size] of this.#sizes) {
      const isTooMuch = this.#sizes.size > HISTORY_LENGTH || this.#bytes > HISTORY_BYTES;
      if (!isTooMuch || this.#sizes.size === 1) break;
      this.#sizes.delete(number);
      this.#bytes -= size;
      forgotten.push(number);
    }
    return forgotten;
  }

  /**
   * The newest one that is not after the number, or with -1 the newest of all; before the first one the empty one, 0. Where
   * there is none, the reason in one line.
   */
  find(number: ConfigNumber, state: Reader): Configuration | string {
    if (!Number.isSafeInteger(number) || number < -1) {
      return `${number} is no number of a configuration`;
    }
    if (number === 0) return EMPTY;
    const numbers = [...this.#sizes.keys()];
    const oldest = numbers[0];
    if (oldest === undefined) return EMPTY;
    const found = number === -1 ? numbers.at(-1) : numbers.findLast((kept) => kept <= number);
    if (found === undefined) {
      return `configuration ${number} is forgotten: the oldest one that is kept is ${oldest}`;
    }
    const value = state.get(keyOf(found));
    if (!value) throw new Error(`configuration ${found} is not in the state`);
    return JSON.parse(utf8Text(value)) as Configuration;
  }
}

/** Tables that are being deleted are not in it. */
export function configurationOf({ number, groups, tables }: ClusterMap): Configuration {
  return {
    number,
    groups: groups
      .filter(({ joined }) => joined)
      .map(({ id, replicas }) => ({ id, nodes: replicas.map(({ node }) => node) })),
    shards: tables.flatMap(homesOf),
  };
}

function homesOf({ id: table, status, shards }: Table): Configuration['shards'] {
  return status === 'DELETING' ? [] : shards.map(({ id, home }) => ({ id, table, home }));
}

/** Most changes of the map are of a few groups and tables, and the others are the same objects. */
function isSameConfiguration(before: ClusterMap, after: ClusterMap): boolean {
  return part(before, after) === part(after, before);
}

/** Of a map's configuration, what is not the same objects in the other map. */
function part(map: ClusterMap, other: ClusterMap): string {
  const groups = recordChanges(other.groups, map.groups).changed;
  const tables = recordChanges(other.tables, map.tables).changed;
  return JSON.stringify(configurationOf({ ...map, number: 0, groups, tables }));
}
