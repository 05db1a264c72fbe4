/**
 * A process to be killed: commits rounds of keys, all with the round as value, and prints each round once it is durable.
 * Arguments: directory, keys per round, bytes per value. Ends with `refused CODE` when the disk refuses.
 */
import { utf8 } from '../../src/bytes/index.ts';
import { openLmdb } from '../../src/engine/lmdb/index.ts';
import type { DiskError } from '../../src/ports/index.ts';

const [directory = '', keys = '50', valueBytes = '20'] = process.argv.slice(2);
const engine = await openLmdb(directory, { freeBytesMin: 0 });
const found = engine.get(utf8('key 0000'));
for (
  let round = found ? new DataView(found.buffer, found.byteOffset).getUint32(0) + 1 : 1;
  ;
  round++
) {
  const value = new Uint8Array(Number(valueBytes));
  new DataView(value.buffer).setUint32(0, round);
  const writes = Array.from({ length: Number(keys) }, (_, i) => ({
    key: utf8(`key ${String(i).padStart(4, '0')}`),
    value,
  }));
  // New keys too, so that the tree grows.
  writes.push({ key: utf8(`round ${String(round).padStart(8, '0')}`), value });
  try {
    await engine.commit(writes).durable;
  } catch (error) {
    process.stdout.write(`refused ${(error as DiskError).code}\n`);
    // What was there is still read, and the engine goes on.
    const still = engine.get(utf8('key 0000')) as Uint8Array;
    process.stdout.write(`${new DataView(still.buffer, still.byteOffset).getUint32(0)}\n`);
    await engine.close();
    break;
  }
  process.stdout.write(`${round}\n`);
}
