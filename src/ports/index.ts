/**
 * The four ports: everything a Flotilla node needs of the world outside it.
 *
 * In production they are sockets, files and the kernel's clocks (platform/); in the simulator one seed drives all
 * four. A room that reaches the world in any other way cannot be replayed, so the linter refuses it.
 */
export { BUGGIFY_SITES, type Buggify, type BuggifySite, NEVER } from './buggify.ts';
export { type Clock, type Timer, wait } from './clock.ts';
export {
  type Disk,
  DiskError,
  type DiskErrorCode,
  type DiskFile,
  type OpenOptions,
} from './disk.ts';
export type { Connection, ConnectionHandler, Listener, Network } from './network.ts';
export type { Random } from './random.ts';
