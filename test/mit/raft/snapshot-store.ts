import { ByteReader, ByteWriter, crc32c } from '../../../src/bytes/index.ts';
import type { Disk } from '../../../src/ports/index.ts';

export interface StoredSnapshot {
  readonly index: number;
  readonly term: number;
  readonly bytes: Uint8Array;
}

const PATH = 'snapshot';
const NEW_PATH = 'snapshot.new';

/** The second slot of §3: one snapshot, replaced whole or not at all. */
export class SnapshotStore {
  readonly #disk: Disk;
  #saving: Promise<void> = Promise.resolve();

  constructor(disk: Disk) {
    this.#disk = disk;
  }

  async load(): Promise<StoredSnapshot | undefined> {
    await this.#disk.remove(NEW_PATH);
    if (!(await this.#disk.exists(PATH))) return undefined;
    const file = await this.#disk.open(PATH);
    const content = await file.read(0, await file.size());
    await file.close();
    const reader = new ByteReader(content);
    const sum = reader.u32();
    if (sum !== crc32c(content.subarray(4))) throw new Error('the snapshot fails its checksum');
    return {
      index: reader.varint(),
      term: reader.varint(),
      bytes: reader.raw(reader.remaining).slice(),
    };
  }

  /** Resolves when it is durable in the place of the older one. */
  save({ index, term, bytes }: StoredSnapshot): Promise<void> {
    const writer = new ByteWriter();
    writer.u32(0).varint(index).varint(term).raw(bytes);
    writer.patchU32(0, crc32c(writer.view().subarray(4)));
    const content = writer.take();
    this.#saving = this.#saving.then(async () => {
      await this.#disk.remove(NEW_PATH);
      const file = await this.#disk.open(NEW_PATH, { create: true });
      await file.write(0, content);
      await file.sync();
      await file.close();
      await this.#disk.rename(NEW_PATH, PATH);
      await this.#disk.syncDirectory('');
    });
    return this.#saving;
  }
}
