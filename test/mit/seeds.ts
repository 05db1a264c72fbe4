import { randomInt } from 'node:crypto';
import { test } from 'vitest';

const FIXED = 10;
/** Real time for one seed, at the very most, in milliseconds: a guard against a run that never ends. */
const SEED_MS_MAX = 60_000;

/**
 * What a randomised test is run with: ten fixed seeds and a fresh one, or as many as `npm run test:mit -- --seeds N` says,
 * from `--from` on.
 */
function seeds(): number[] {
  const { MIT_SEEDS: count, MIT_FROM: from = '1' } = process.env;
  if (count === undefined) {
    return [...Array.from({ length: FIXED }, (_, i) => i + 1), randomInt(1000, 2 ** 32)];
  }
  return Array.from({ length: Number(count) }, (_, i) => Number(from) + i);
}

/** One test of the suite, with its name there, over all seeds. A failure names the seed, which replays it. */
export function mitTest(name: string, run: (seed: number) => Promise<void>): void {
  const all = seeds();
  const fresh = all.at(-1);
  const title =
    process.env['MIT_SEEDS'] === undefined ? `${name}, seeds 1-${FIXED} and ${fresh}` : name;
  test(title, { timeout: SEED_MS_MAX * all.length }, async () => {
    for (const seed of all) {
      try {
        await run(seed);
      } catch (error) {
        const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
        throw new Error(`${name}, MIT_SEEDS=1 MIT_FROM=${seed}: ${text}`);
      }
    }
  });
}
