import { ByteReader, ByteWriter, utf8, utf8Text } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import { recordChanges } from './map-changes.ts';
import type { ClusterMap, ConfigNumber, Configuration, Table } from './types.ts';

/** So many can be asked for by their numbers; older ones are forgotten. */
export const HISTORY_LENGTH = 1_000;

const KEYS = { from: Uint8Array.of(0x03), to: Uint8Array.of(0x04) };
const EMPTY: Configuration = { number: 0, groups: [], shards: [] };

function keyOf(number: ConfigNumber): Uint8Array {
  return new ByteWriter(5).u8(0x03).u32(number).take();
}

/**
 * The newest configurations, each a record of its own in the controller's state. In memory are only their numbers, since
 * they are rarely asked for and each names every shard.
 */
export class History {
  /** In ascending order. */
  #numbers: ConfigNumber[] = [];

  restore(state: Reader): void {
    this.#numbers = [];
    const cursor = state.range(KEYS);
    for (let pair = cursor.next(); pair; pair = cursor.next()) {
      const key = new ByteReader(pair.key);
      key.u8();
      this.#numbers.push(key.u32());
    }
    cursor.close();
  }

  /** To be told of every change of the map. What is to be written: nothing where the configuration stays as it was. */
  record(before: ClusterMap, after: ClusterMap): Write[] {
    if (isSameConfiguration(before, after)) return [];
    const configuration = configurationOf(after);
    this.#numbers.push(configuration.number);
    const forgotten = this.#numbers.splice(0, Math.max(0, this.#numbers.length - HISTORY_LENGTH));
    return [
      ...forgotten.map((number) => ({ key: keyOf(number), value: undefined })),
      { key: keyOf(configuration.number), value: utf8(JSON.stringify(configuration)) },
    ];
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
    const oldest = this.#numbers[0];
    if (oldest === undefined) return EMPTY;
    const found = number === -1 ? this.#numbers.at(-1) : this.#lastUpTo(number);
    if (found === undefined) {
      return `configuration ${number} is forgotten: the oldest one that is kept is ${oldest}`;
    }
    const value = state.get(keyOf(found));
    if (!value) throw new Error(`configuration ${found} is not in the state`);
    return JSON.parse(utf8Text(value)) as Configuration;
  }

  #lastUpTo(number: ConfigNumber): ConfigNumber | undefined {
    return this.#numbers.findLast((kept) => kept <= number);
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
