import { hash32, utf8 } from '../bytes/index.ts';
import type { Random } from '../ports/index.ts';

/**
 * One seeded stream of uniform bits: sfc32 (Chris Doty-Humphrey, PractRand). A world draws one for each node and subsystem, so
 * that another draw in the network leaves the disks as they were.
 */
export class SimRandom implements Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** Streams of one seed with different names have nothing to do with each other. */
  constructor(seed: number, name: string) {
    const bytes = utf8(name);
    this.#a = hash32(bytes, seed >>> 0);
    this.#b = hash32(bytes, (seed / 0x1_0000_0000) >>> 0);
    this.#c = seed | 0;
    for (let i = 0; i < 12; i++) this.uint32();
  }

  uint32(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.uint32() >>> 24;
  }

  /** A uniform integer in [0, end). */
  below(end: number): number {
    return Math.floor((this.uint32() / 0x1_0000_0000) * end);
  }

  /** A uniform number in [min, max). */
  between(min: number, max: number): number {
    return min + (this.uint32() / 0x1_0000_0000) * (max - min);
  }

  /** True once in `times`. */
  once(times: number): boolean {
    return this.below(times) === 0;
  }

  pick<T>(choices: readonly T[]): T {
    const choice = choices[this.below(choices.length)];
    if (choice === undefined) throw new RangeError('nothing to pick from');
    return choice;
  }
}
