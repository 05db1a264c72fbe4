import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  DirectoryLockedError,
  lockDirectory,
  nodeClock,
  nodeDisk,
  nodeNetwork,
  nodeRandom,
  splitAddress,
} from '../../src/platform/index.ts';
import type { ConnectionHandler } from '../../src/ports/index.ts';

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flotilla-platform-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

describe('disk', () => {
  test('files are written, read, renamed, listed and removed', async () => {
    const disk = nodeDisk(root);
    await disk.makeDirectory('a/b');
    await disk.makeDirectory('a/b');
    const file = await disk.open('a/b/one', { create: true, durableWrites: true });
    await file.write(0, new Uint8Array([1, 2, 3]));
    await file.write(5, new Uint8Array([9]));
    await file.sync();
    expect(await file.read(0, 100)).toEqual(new Uint8Array([1, 2, 3, 0, 0, 9]));
    const memory = new Uint8Array(4).fill(7);
    const read = await file.read(1, 3, memory);
    expect([...read]).toEqual([2, 3, 0]);
    expect(read.buffer).toBe(memory.buffer);
    expect(await file.size()).toBe(6);
    await file.truncate(2);
    expect(await file.read(1, 10)).toEqual(new Uint8Array([2]));
    await file.close();
    await disk.rename('a/b/one', 'a/b/two');
    await disk.syncDirectory('a/b');
    expect(await disk.list('a/b')).toEqual(['two']);
    expect(await disk.exists('a/b/one')).toBe(false);
    await disk.remove('a');
    await disk.remove('a');
    expect(await disk.exists('a')).toBe(false);
    expect(await disk.freeBytes()).toBeGreaterThan(0);
  });

  test('a file is closed once what is under way with it has ended, and takes nothing more meanwhile', async () => {
    const disk = nodeDisk(root);
    const file = await disk.open('large', { create: true });
    const bytes = new Uint8Array(64 * 1024 * 1024).fill(5);
    const order: string[] = [];
    const written = file.write(0, bytes).then(() => order.push('written'));
    const closed = file.close().then(() => order.push('closed'));
    await expect(file.read(0, 1)).rejects.toMatchObject({ code: 'failed' });
    await expect(file.sync()).rejects.toMatchObject({ code: 'failed' });
    await Promise.all([written, closed]);
    expect(order).toEqual(['written', 'closed']);
    await disk.remove('large');
  });

  test('refusals have codes of their own', async () => {
    const disk = nodeDisk(root);
    await expect(disk.open('nothing')).rejects.toMatchObject({ code: 'not-found' });
    await expect(disk.list('nothing')).rejects.toMatchObject({ code: 'not-found' });
    await (await disk.open('twice', { create: true })).close();
    await expect(disk.open('twice', { create: true })).rejects.toMatchObject({ code: 'exists' });
  });
});

test('a lock holds against any spelling of the directory, until it is released', async () => {
  const link = join(root, 'link');
  await symlink(root, link);
  const lock = await lockDirectory(root);
  await expect(lockDirectory(root)).rejects.toThrow(DirectoryLockedError);
  await expect(lockDirectory(link)).rejects.toThrow(DirectoryLockedError);
  await lock.release();
  await (await lockDirectory(link)).release();
});

describe('network', () => {
  const quiet: ConnectionHandler = { onOpen: () => {}, onData: () => {}, onClose: () => {} };

  test('bytes travel both ways, and both sides see the end', async () => {
    const events: string[] = [];
    let ended = 0;
    await new Promise<void>((resolve, reject) => {
      const end = () => {
        if (++ended === 2) resolve();
      };
      nodeNetwork
        .listen('127.0.0.1:0', (connection) => ({
          onOpen: () => events.push('accepted'),
          onData: (chunk) => {
            events.push(`server got ${new TextDecoder().decode(chunk)}`);
            connection.send([new TextEncoder().encode('ba'), new TextEncoder().encode('ck')]);
          },
          onClose: end,
        }))
        .then(async (listener) => {
          let text = '';
          const connection = nodeNetwork.connect(listener.address, {
            onOpen: () => connection.send([new TextEncoder().encode('hello')]),
            onData: (chunk) => {
              text += new TextDecoder().decode(chunk);
              if (text !== 'back') return;
              events.push('client got back');
              connection.close();
              void listener.close();
            },
            onClose: end,
          });
        })
        .catch(reject);
    });
    expect(events).toEqual(['accepted', 'server got hello', 'client got back']);
  });

  test('[R10] a port that nobody listens on is refused, and a taken one cannot be listened on', async () => {
    const listener = await nodeNetwork.listen('127.0.0.1:0', () => quiet);
    await expect(nodeNetwork.listen(listener.address, () => quiet)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await listener.close();
    const reason = await new Promise((resolve) => {
      nodeNetwork.connect(listener.address, { ...quiet, onClose: resolve });
    });
    expect(reason).toBe('refused');
  });

  test.each([
    ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
    ['[::1]:8000', { host: '::1', port: 8000 }],
    ['a.example:0', { host: 'a.example', port: 0 }],
  ])('%s is an address', (text, address) => {
    expect(splitAddress(text)).toEqual(address);
  });

  test.each(['', 'host', ':80', 'host:', 'host:x', 'host:70000', 'host:1.5'])(
    '%j is no address',
    (text) => {
      expect(() => splitAddress(text)).toThrow(RangeError);
    },
  );
});

test('time does not go back, and a turn ends after its microtasks', async () => {
  const before = nodeClock.monotonic();
  const order: string[] = [];
  await new Promise<void>((resolve) => {
    nodeClock.endOfTurn(() => {
      order.push('end of turn');
      resolve();
    });
    void Promise.resolve().then(() => order.push('microtask'));
  });
  expect(order).toEqual(['microtask', 'end of turn']);
  let fired = false;
  nodeClock
    .after(0, () => {
      fired = true;
    })
    .cancel();
  await new Promise<void>((resolve) => nodeClock.after(5, resolve));
  expect(fired).toBe(false);
  expect(nodeClock.monotonic() - before).toBeGreaterThanOrEqual(4);
});

test('random numbers differ', () => {
  const drawn = new Set(Array.from({ length: 2_000 }, () => nodeRandom.uint32()));
  expect(drawn.size).toBeGreaterThan(1_990);
  const bytes = new Uint8Array(32);
  nodeRandom.fill(bytes);
  expect(bytes.some((byte) => byte !== 0)).toBe(true);
});
