/**
 * Identifies one request of a client's however often the client sends it, to whatever router: 128 bits of hash over the
 * request and the id that the client gave it (S1).
 */
export type RetryToken = Uint8Array;
export const RETRY_TOKEN_BYTES = 16;
