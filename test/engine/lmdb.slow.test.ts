import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { utf8 } from '../../src/bytes/index.ts';
import type { Engine } from '../../src/engine/index.ts';
import { openLmdb } from '../../src/engine/lmdb/index.ts';
import { collect } from './contract.ts';

const CHILD = new URL('./lmdb-child.ts', import.meta.url).pathname;

function roundOf(value: Uint8Array): number {
  return new DataView(value.buffer, value.byteOffset).getUint32(0);
}

/** Every key has the value of one and the same round, which is returned. */
function oneRound(engine: Engine, keys: number): number {
  const snapshot = engine.snapshot();
  const values = collect(snapshot.range({ from: utf8('key '), to: utf8('key~') }));
  const rounds = collect(snapshot.range({ from: utf8('round '), to: utf8('round~') }));
  snapshot.close();
  expect(values).toHaveLength(keys);
  expect(new Set(values.map(({ value }) => roundOf(value))).size).toBe(1);
  const last = rounds.length;
  expect(values.map(({ value }) => roundOf(value))[0]).toBe(last);
  return last;
}

describe('LMDB on a real disk', () => {
  let directory = '';
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'flotilla-lmdb-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  async function linesUntil(child: ChildProcess, enough: (line: string) => boolean) {
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
      lines.push(line);
      if (enough(line)) break;
    }
    return lines;
  }

  it('[E1] [E2] a killed process leaves every durable commit and no part of another', async () => {
    let last = 0;
    for (let life = 0; life < 4; life++) {
      const child = spawn(process.execPath, ['--import', 'tsx', CHILD, directory, '200', '500'], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      const target = last + 20 + 13 * life;
      const lines = await linesUntil(child, (line) => Number(line) >= target);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const engine = await openLmdb(directory);
      const found = oneRound(engine, 200);
      expect(found).toBeGreaterThanOrEqual(Number(lines.at(-1)));
      last = found;
      await engine.close();
    }
  });

  it('[F7] a refused write leaves what was durable, and the engine goes on', async () => {
    // A limit on the file's length refuses a write half-way; the signal that comes with it must be ignored.
    const command = `trap '' XFSZ; ulimit -f 4096; exec "$0" --import tsx "$@"`;
    const child = spawn('sh', ['-c', command, process.execPath, CHILD, directory, '200', '1000'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const lines = await linesUntil(child, () => false);
    expect(child.exitCode ?? (await once(child, 'exit'))[0]).toBe(0);
    expect(lines.at(-2)).toMatch(/^refused/);
    const durable = Number(lines.at(-3));
    expect(durable).toBeGreaterThan(2);
    expect(Number(lines.at(-1))).toBe(durable);
    const engine = await openLmdb(directory);
    expect(oneRound(engine, 200)).toBe(durable);
    await engine.commit([{ key: utf8('zz'), value: utf8('on') }]).durable;
    expect(engine.get(utf8('zz'))).toEqual(utf8('on'));
    await engine.close();
  });

  // A small file system of its own needs a mount, which not every machine allows.
  const mayMount =
    spawnSync('unshare', ['-rm', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
  it.runIf(mayMount)('[F7] a full file system is told as `full`', async () => {
    const command = `mount -t tmpfs -o size=3m tmpfs "$2" && exec "$0" --import tsx "$@"`;
    const child = spawn(
      'unshare',
      ['-rm', 'sh', '-c', command, process.execPath, CHILD, directory, '200', '1000'],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    const lines = await linesUntil(child, () => false);
    expect(lines.at(-2)).toBe('refused full');
    expect(Number(lines.at(-1))).toBe(Number(lines.at(-3)));
  });
});
