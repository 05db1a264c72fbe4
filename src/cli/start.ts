import { writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { pino } from 'pino';
import { type Server, StartError, startServer } from '../server.ts';

export interface StartOptions {
  readonly node: string;
  readonly data: string;
  readonly http: string;
  readonly peer: string;
  readonly initialCluster?: readonly { readonly name: string; readonly address: string }[];
  readonly initialGroups?: number;
  readonly join?: readonly string[];
  readonly zone: string;
  readonly admin?: string;
  /** In milliseconds. */
  readonly replaceAfter: number;
  /** Length of a segment of the log, in MiB. */
  readonly logSegment?: number;
}

const MIB = 1024 * 1024;

// A line that cannot be written, since the disk is full or the terminal is gone, is lost and no more is: pino's own destination
// throws for such a line, and at a fatal one it tries for ever.
const STDERR = {
  write(line: string): void {
    try {
      writeSync(2, line);
    } catch {}
  },
};

const LOOPBACK = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/;

/** `flotilla start`: runs until a signal, or until the node cannot go on. */
export async function start(options: StartOptions): Promise<void> {
  const log = pino({ name: 'flotilla', base: { node: options.node } }, STDERR);
  const refuse = (reason: string): never => {
    console.error(`flotilla: ${reason}`);
    process.exit(1);
  };
  const fatal = (error: unknown): never => {
    log.fatal({ err: error }, 'the node stops: something that must not fail did');
    process.exit(1);
  };
  process.on('uncaughtException', fatal);
  process.on('unhandledRejection', fatal);

  if (!LOOPBACK.test(options.http)) {
    log.warn(
      `the API on ${options.http} is open to everybody who reaches it: there is no authentication yet`,
    );
  }
  let server: Server;
  try {
    server = await startServer({
      name: options.node,
      directory: options.data,
      http: options.http,
      peer: options.peer,
      zone: options.zone,
      initialCluster: options.initialCluster ?? [],
      join: options.join ?? [],
      replaceAfterMs: options.replaceAfter,
      initialGroups: options.initialGroups,
      admin: options.admin,
      limits: options.logSegment === undefined ? {} : { logSegmentBytes: options.logSegment * MIB },
      notice: (message) => log.info(message),
      warn: (message, error) => log.warn({ err: error }, message),
      refuse,
      fatal,
    });
  } catch (error) {
    if (error instanceof StartError) return refuse(error.message);
    return fatal(error);
  }
  log.info(`the DynamoDB API is on http://${server.http}`);

  let stopping = false;
  const stop = (signal: string) => {
    if (stopping) return;
    stopping = true;
    log.info(`${signal}: the node stops`);
    server.stop().then(() => process.exit(0), fatal);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  // Its terminal is gone, but not what it logs to: under nohup a node goes on, which Node.js does not see to by itself.
  if (!isatty(2)) process.on('SIGHUP', (signal) => log.info(`${signal}: the node goes on`));
  // Started by `flotilla dev`: when that is gone, however it ended, so is this node.
  if (process.connected) process.on('disconnect', () => stop('the parent is gone'));
}
