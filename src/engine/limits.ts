/**
 * The longest key of any engine, in bytes. LMDB takes 4,026 at pages of 8 KiB (a page must hold two keys); the rest is
 * left for its own growth. Index keys are shortened to this above the engine (E5).
 */
export const MAX_KEY_BYTES = 3900;
