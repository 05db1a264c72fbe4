import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, type TestContext } from 'vitest';
import { nodeDisk } from '../../src/platform/index.ts';
import { entries, opened, places, written } from './support.ts';

const MB = 1024 * 1024;
const OPTIONS = { segmentBytes: 4 * MB, segmentsMax: 2 };

let directory: string | undefined;
let isMounted = false;

function run(command: string, ...args: string[]): void {
  execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

// Also when a test has run out of time.
afterEach(() => {
  if (directory === undefined) return;
  if (isMounted) run('umount', '--lazy', join(directory, 'mounted'));
  isMounted = false;
  rmSync(directory, { recursive: true, force: true });
});

/** A file system of 64 MB of its own; the test is skipped where nobody may mount one. */
function smallDisk(context: TestContext): string {
  directory = mkdtempSync(join(tmpdir(), 'flotilla-small-disk-'));
  const [image, root] = [join(directory, 'image'), join(directory, 'mounted')];
  try {
    run('mkdir', root);
    run('truncate', '-s', '64M', image);
    run('mkfs.ext4', '-q', '-m', '0', image);
    run('mount', '-o', 'loop', image, root);
    isMounted = true;
  } catch (error) {
    context.skip(`no file system can be mounted here: ${String(error).split('\n')[0]}`);
  }
  return root;
}

/** Leaves less free than a segment needs. */
function fillDisk(root: string): string {
  const path = join(root, 'ballast');
  const { bavail, bsize } = statfsSync(root);
  writeFileSync(path, new Uint8Array(bavail * bsize - MB));
  return path;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

describe('a small file system', () => {
  it('[L4] [F7] full: entries refused, votes written; freed: goes on without a restart', async (context) => {
    const root = smallDisk(context);
    const disk = nodeDisk(root);
    const { log, fatal } = await opened(disk, OPTIONS);
    await written(log, 2, entries(1, 3, 1));
    const ballast = fillDisk(root);
    let last = 0;
    while (log.hasRoom && last < 100_000) {
      await written(log, 1, entries(last + 1, last + 50, 1, 2000));
      last += 50;
      log.tick();
    }
    expect(log.hasRoom).toBe(false);
    expect(last).toBeLessThan(100_000);
    for (let term = 2; term <= 40; term++) {
      await new Promise<void>((resolve) => {
        log.append(1, { hardState: { term, vote: 3, commit: 0 } }, resolve);
        log.flush();
      });
      log.tick();
    }
    // What was written can be read.
    const read = await log.read(1, last - 1, last + 1, 10_000);
    expect(read.map(({ index }) => index)).toEqual([last - 1, last]);
    await pause(50);
    expect([log.hasRoom, fatal]).toEqual([false, []]);

    rmSync(ballast);
    for (let i = 0; i < 100 && !log.hasRoom; i++) {
      log.tick();
      await pause(20);
    }
    expect(log.hasRoom).toBe(true);
    for (let i = 0; i < 60; i++) {
      await written(log, 1, entries(last + 1, last + 50, 1, 2000));
      last += 50;
    }
    await log.close();
    const again = await opened(disk, OPTIONS);
    expect(again.damage).toEqual([]);
    expect(again.replicas.get(1)?.hardState.term).toBe(40);
    expect(again.replicas.get(1)?.entries).toHaveLength(last);
    expect(places(again.replicas.get(2))).toHaveLength(3);
    await again.log.close();
    expect(fatal).toEqual([]);
  });

  it('[L4] [F7] a full disk does not matter to a log that is trimmed: its segments are used again', async (context) => {
    const root = smallDisk(context);
    const { log, fatal } = await opened(nodeDisk(root), OPTIONS);
    let last = 0;
    const more = async (mb: number) => {
      for (const end = last + mb * 500; last < end; ) {
        await written(log, 1, entries(last + 1, last + 50, 1, 2000));
        last += 50;
        log.trim(1, last, 1);
        log.tick();
        for (let i = 0; i < 1000 && !log.hasRoom; i++) await pause(5);
        expect(log.hasRoom).toBe(true);
      }
    };
    await more(20);
    fillDisk(root);
    await more(60);
    expect(fatal).toEqual([]);
    await log.close();
  });
});
