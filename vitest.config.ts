import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

// `unit` is part of `npm run check` and takes seconds; `mit` is the MIT suite on virtual time; `slow` needs real processes or minutes.
export default defineConfig({
  test: {
    pool: 'threads',
    // Vitest leaves one core free unless told.
    maxWorkers: '100%',
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.slow.test.ts', 'test/mit/**'],
          // Simulated worlds know no waiting; on a busy machine a second of work takes several.
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        // What is built, as it ships: modules that vitest makes of the source take a third longer, and this is minutes of work.
        resolve: {
          alias: [
            {
              find: /^(?:\.\.\/)+src\/(.*)\.ts$/,
              replacement: join(import.meta.dirname, 'dist/$1.js'),
            },
          ],
        },
        test: {
          name: 'mit',
          isolate: false,
          include: ['test/mit/**/*.test.ts'],
          server: { deps: { external: [/\/dist\//] } },
        },
      },
      {
        extends: true,
        test: {
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
