import { realpathSync, statSync } from 'node:fs';
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
 * inode, so that no link or other spelling gets around it. Elsewhere a local TCP port can not be tied to a directory,
 * so the lock is a named pipe or socket file beside the data.
 */
export function lockDirectory(directory: string): Promise<DirectoryLock> {
  const { dev, ino } = statSync(directory);
  const path =
    process.platform === 'linux'
      ? `\0flotilla-${dev}-${ino}`
      : process.platform === 'win32'
        ? `\\\\.\\pipe\\flotilla-${dev}-${ino}`
        : `${realpathSync(directory)}/lock`;
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
