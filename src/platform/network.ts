import net from 'node:net';
import type { Connection, ConnectionHandler, Network } from '../ports/index.ts';

export const nodeNetwork: Network = {
  listen(address, accept) {
    const { host, port } = splitAddress(address);
    return new Promise((resolve, reject) => {
      const sockets = new Set<net.Socket>();
      const server = net.createServer({ noDelay: true, pauseOnConnect: true }, (socket) => {
        sockets.add(socket);
        socket.on('close', () => sockets.delete(socket));
        const handler = accept(connectionOver(socket));
        attach(socket, handler);
        handler.onOpen();
        socket.resume();
      });
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        const bound = server.address() as net.AddressInfo;
        resolve({
          address: `${host}:${bound.port}`,
          close: () =>
            new Promise((closed) => {
              server.close(() => closed());
              for (const socket of sockets) socket.destroy();
            }),
        });
      });
    });
  },

  connect(address, handler) {
    const { host, port } = splitAddress(address);
    const socket = net.connect({ host, port, noDelay: true });
    attach(socket, handler);
    socket.on('connect', () => handler.onOpen());
    return connectionOver(socket);
  },
};

/** `host:port`, with IPv6 hosts in brackets; throws RangeError on anything else. */
export function splitAddress(address: string): { host: string; port: number } {
  const colon = address.lastIndexOf(':');
  const digits = address.slice(colon + 1);
  const port = Number(digits);
  const host = address.slice(0, colon).replace(/^\[(.*)\]$/, '$1');
  if (colon < 1 || !/^\d{1,5}$/.test(digits) || port > 65535) {
    throw new RangeError(`not HOST:PORT: ${address}`);
  }
  return { host, port };
}

function attach(socket: net.Socket, handler: ConnectionHandler): void {
  let reason: 'closed' | 'refused' | 'failed' = 'closed';
  socket.on('data', (chunk) => handler.onData(chunk));
  socket.on('error', (error: NodeJS.ErrnoException) => {
    reason = error.code === 'ECONNREFUSED' ? 'refused' : 'failed';
  });
  socket.on('close', () => handler.onClose(reason));
}

function connectionOver(socket: net.Socket): Connection {
  return {
    get bufferedBytes() {
      return socket.writableLength;
    },
    send(chunks) {
      if (socket.destroyed) return;
      const [only] = chunks;
      if (chunks.length === 1 && only) {
        socket.write(only);
        return;
      }
      // Corked writes leave together in one writev.
      socket.cork();
      for (const chunk of chunks) socket.write(chunk);
      socket.uncork();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    close: () => void socket.destroy(),
  };
}
