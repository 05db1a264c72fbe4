import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const MAIN = join(import.meta.dirname, '../../dist/cli/main.js');

/** What `flotilla sim` prints, as lines, and its exit code. */
async function sim(...args: string[]) {
  const { stdout } = await promisify(execFile)(process.execPath, [MAIN, 'sim', ...args]);
  const lines = stdout.trim().split('\n');
  return { lines, trace: lines.find((line) => line.startsWith('trace ')) };
}

describe('flotilla sim', () => {
  test('prints the same trace for the same seed in two processes, and the speed last', async () => {
    const args = ['--seed', '5', '--nodes', '3', '--minutes', '0.3'];
    const [one, two] = await Promise.all([sim(...args), sim(...args)]);
    expect(one.trace).toMatch(/^trace [0-9a-f]{16}$/);
    expect(two.trace).toBe(one.trace);
    expect(one.lines.at(-1)).toMatch(/^simulated seconds per real second: [0-9.]+$/);
    expect((await sim('--seed', '6', ...args.slice(2))).trace).not.toBe(one.trace);
  });

  test('writes a run down, event by event and in words', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'flotilla-sim-'));
    const file = join(directory, 'trace.jsonl');
    await sim(
      '--seed',
      '5',
      '--nodes',
      '3',
      '--minutes',
      '0.05',
      '--faults',
      'kill',
      '--trace',
      file,
    );
    const lines = (await readFile(file, 'utf8')).trim().split('\n');
    const parsed = lines.map((line) => JSON.parse(line) as { event: number; what?: string });
    expect(parsed.some(({ what }) => what?.includes('leads in term 1'))).toBe(true);
    expect(parsed.filter(({ what }) => what === undefined).length).toBeGreaterThan(1_000);
    await rm(directory, { recursive: true });
  });

  test('refuses a fault that it does not know', async () => {
    await expect(sim('--faults', 'gremlins')).rejects.toMatchObject({
      stderr: expect.stringMatching(/There is no fault gremlins/),
    });
  });
});
