/** The unit that a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

/** A file's bytes as readers see them and as the platters hold them. */
export class Inode {
  cached = new Uint8Array(0);
  #stable = new Uint8Array(0);
  #dirty = new Set<number>();

  write(position: number, bytes: Uint8Array): void {
    this.cached = placed(this.cached, position, bytes);
    const end = Math.ceil((position + bytes.length) / SECTOR_BYTES);
    for (let s = Math.floor(position / SECTOR_BYTES); s < end; s++) this.#dirty.add(s);
  }

  writeDurably(position: number, bytes: Uint8Array): void {
    if (this.#dirty.size > 0) {
      this.write(position, bytes);
      this.sync();
      return;
    }
    this.cached = placed(this.cached, position, bytes);
    this.#grow();
    this.#stable.set(bytes, position);
  }

  sync(): void {
    this.#grow();
    for (const sector of this.#dirty) this.#copySector(sector);
    this.#dirty.clear();
  }

  #grow(): void {
    if (this.#stable.length !== this.cached.length) {
      this.#stable = resized(this.#stable, this.cached.length);
    }
  }

  truncate(length: number): void {
    this.cached = resized(this.cached, length);
  }

  landCached(position: number, bytes: Uint8Array, sector: number): void {
    const { at, part } = sectorPart(position, bytes, sector);
    this.write(at, part);
  }

  landStable(position: number, bytes: Uint8Array, sector: number): void {
    const { at, part } = sectorPart(position, bytes, sector);
    this.#stable = placed(this.#stable, at, part);
  }

  crash(keep: () => boolean): void {
    for (const sector of this.#dirty) {
      if (!keep()) continue;
      const end = Math.min((sector + 1) * SECTOR_BYTES, this.cached.length);
      if (end > this.#stable.length) this.#stable = resized(this.#stable, end);
      this.#copySector(sector);
    }
    this.#dirty.clear();
    this.cached = this.#stable.slice();
  }

  flip(offset: number, mask: number): void {
    for (const bytes of [this.cached, this.#stable]) {
      if (offset < bytes.length) bytes[offset] = (bytes[offset] as number) ^ mask;
    }
  }

  zero(start: number): void {
    for (const bytes of [this.cached, this.#stable]) bytes.fill(0, start, start + SECTOR_BYTES);
  }

  cut(length: number): void {
    this.cached = resized(this.cached, Math.min(length, this.cached.length));
    this.#stable = resized(this.#stable, Math.min(length, this.#stable.length));
  }

  #copySector(sector: number): void {
    const start = sector * SECTOR_BYTES;
    this.#stable.set(this.cached.subarray(start, start + SECTOR_BYTES), start);
  }
}

function sectorPart(position: number, bytes: Uint8Array, sector: number) {
  const start = Math.max(position, sector * SECTOR_BYTES);
  const end = Math.min(position + bytes.length, (sector + 1) * SECTOR_BYTES);
  return { at: start, part: bytes.subarray(start - position, end - position) };
}

function placed(target: Uint8Array, position: number, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const end = position + bytes.length;
  const result = end > target.length ? resized(target, end) : (target as Uint8Array<ArrayBuffer>);
  result.set(bytes, position);
  return result;
}

/** Grows inside a buffer twice as large, so that a file written piece by piece costs its length and not its square. */
function resized(bytes: Uint8Array, length: number): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  if (length >= bytes.length && length <= buffer.byteLength && buffer instanceof ArrayBuffer) {
    return new Uint8Array(buffer, 0, length);
  }
  const grown = new ArrayBuffer(
    length > bytes.length ? Math.max(length, 2 * bytes.length) : length,
  );
  const result = new Uint8Array(grown, 0, length);
  result.set(bytes.subarray(0, length));
  return result;
}
