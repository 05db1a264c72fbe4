import { randomFillSync } from 'node:crypto';
import type { Random } from '../ports/index.ts';

// The kernel's bits are drawn in blocks: one call for 1024 numbers.
const pool = new Uint32Array(1024);
let used = pool.length;

export const nodeRandom: Random = {
  uint32() {
    if (used === pool.length) {
      randomFillSync(pool);
      used = 0;
    }
    return pool[used++] as number;
  },
  fill(target) {
    randomFillSync(target);
  },
};
