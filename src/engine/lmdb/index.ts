/**
 * The engine on LMDB, through lmdb-js: the only place that knows it. See ../engine.ts for what it promises.
 */
export { setAsideDamaged } from './damage-note.ts';
export { type LmdbOptions, openLmdb } from './lmdb-engine.ts';
