import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

const REAL = { pool: 'forks', testTimeout: 120_000, hookTimeout: 60_000 } as const;

// `unit` is part of `npm run check` and takes seconds; `mit` is the MIT suite and `sim` are long worlds, both on virtual time. `slow` and
// `alone` are real processes in real time: two files beside each other, and, where the time that something takes is judged, one by itself.
export default defineConfig({
  // What is built, as it ships: modules that vitest makes of the source take a third longer.
  resolve: {
    alias: [
      {
        find: /^(?:\.\.\/)+src\/(.*)\.ts$/,
        replacement: join(import.meta.dirname, 'dist/$1.js'),
      },
    ],
  },
  test: {
    server: { deps: { external: [/\/dist\//] } },
    globalSetup: 'test/build.ts',
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
          exclude: ['test/**/*.{sim,slow,alone}.test.ts', 'test/mit/**'],
          // Simulated worlds know no waiting; on a busy machine a second of work takes several.
          testTimeout: 20_000,
        },
      },
      {
        extends: true,
        test: { name: 'mit', isolate: false, include: ['test/mit/**/*.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'sim',
          isolate: false,
          include: ['test/**/*.sim.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          ...REAL,
          name: 'slow',
          include: ['test/**/*.slow.test.ts'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          ...REAL,
          name: 'alone',
          include: ['test/**/*.alone.test.ts'],
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
