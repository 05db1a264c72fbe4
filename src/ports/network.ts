/** One byte stream to another process: ordered, and either whole or broken. */
export interface Connection {
  /** Bytes accepted by `send` that the network has not taken yet. The caller bounds its own queue by this. */
  readonly bufferedBytes: number;
  /** Sends the chunks as one write, in order. Ignored once the connection is closed. The bytes must not change later. */
  send(chunks: readonly Uint8Array[]): void;
  /** Stops and resumes `onData`, so that a reader that cannot keep up slows its peer down instead of buffering. */
  pause(): void;
  resume(): void;
  /** Drops the connection at once; `onClose` follows. */
  close(): void;
}

export interface ConnectionHandler {
  onOpen(): void;
  /** The chunk may be a view into a larger buffer: copy what is kept past the call. */
  onData(chunk: Uint8Array): void;
  /** Called exactly once, last. `refused`: nobody listens there, which tells that the process is gone. */
  onClose(reason: 'closed' | 'refused' | 'failed'): void;
}

export interface Listener {
  /** The address that others connect to, with the port that was really taken. */
  readonly address: string;
  close(): Promise<void>;
}

/** Byte streams between nodes. Addresses are `host:port`. */
export interface Network {
  /**
   * `accept` is called for each incoming connection and returns its handler, whose `onOpen` follows.
   * Rejects with the reason when the address cannot be had (in use, not local).
   */
  listen(address: string, accept: (connection: Connection) => ConnectionHandler): Promise<Listener>;
  /** Starts to connect; the outcome is `onOpen` or `onClose`, never synchronous. */
  connect(address: string, handler: ConnectionHandler): Connection;
}
