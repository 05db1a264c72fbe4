import { existsSync, realpathSync, rmSync, statSync } from 'node:fs';
import net from 'node:net';

/** Another process works on the directory. */
export class DirectoryLockedError extends Error {
  override readonly name = 'DirectoryLockedError';
}

export interface DirectoryLock {
  release(): Promise<void>;
}

/**
 * Makes this process the only one on a data directory until it releases the lock or dies.
 *
 * Node.js has no flock. On Linux a socket in the abstract namespace does the same: binding a name is atomic, the kernel
 * frees it with the process however that dies, and nothing is left on the disk. The name is the directory's device and
 * inode, so that no link or other spelling gets around it. Named pipes on Windows behave alike. Elsewhere it is a socket
 * file in the directory; one that nobody listens on was left by a process that died, and is taken over.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const { dev, ino } = statSync(directory);
  if (process.platform === 'linux') return bind(`\0flotilla-${dev}-${ino}`, directory);
  if (process.platform === 'win32') return bind(`\\\\.\\pipe\\flotilla-${dev}-${ino}`, directory);
  const path = `${realpathSync(directory)}/lock`;
  if (existsSync(path) && !(await isAnswered(path))) rmSync(path);
  return bind(path, directory);
}

function bind(path: string, directory: string): Promise<DirectoryLock> {
  return new Promise((resolve, reject) => {
    const server = net.createServer((socket) => socket.destroy());
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const locked = error.code === 'EADDRINUSE' || error.code === 'EACCES';
      reject(
        locked ? new DirectoryLockedError(`${directory} is in use by another process`) : error,
      );
    });
    server.listen(path, () => {
      resolve({ release: () => new Promise((released) => server.close(() => released())) });
    });
  });
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
