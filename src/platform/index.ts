/**
 * The ports on Node.js. Adapters only: nothing here decides anything, so that what the simulator runs is what runs here.
 */
export { nodeClock } from './clock.ts';
export { makeDirectories } from './directory.ts';
export { nodeDisk } from './disk.ts';
export { nodeHost } from './host.ts';
export { type DirectoryLock, DirectoryLockedError, lockDirectory } from './lock.ts';
export { nodeNetwork, splitAddress } from './network.ts';
export { openFilesMax } from './open-files.ts';
export { nodeRandom } from './random.ts';
