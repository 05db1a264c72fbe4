/**
 * The engine on LMDB, through lmdb-js: the only place that knows it. See ../engine.ts for what it promises.
 */
export { openLmdb } from './lmdb-engine.ts';
