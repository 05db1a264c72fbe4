import { mix128, state128, utf8 } from '../../bytes/index.ts';
import type { RetryToken } from '../../router/index.ts';

export type { RetryToken };

/** SDKs send a UUID. Whatever else a client writes there, it may write into every request: it names none. */
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Names a write for all the times that an SDK sends it (S1): a hash of the invocation's id, the operation and the body, so that
 * an id which is used for another request is another token. Undefined when there is no id.
 */
export function retryTokenOf(
  invocationId: string | undefined,
  operation: string,
  body: Uint8Array,
): RetryToken | undefined {
  if (invocationId === undefined || !UUID.test(invocationId)) return undefined;
  const state = state128();
  mix128(state, utf8(invocationId));
  mix128(state, utf8(operation));
  mix128(state, body);
  return tokenOf(state);
}

/** Of one member of a batch: which of its writes took effect is known of each by itself. */
export function memberToken(batch: RetryToken, position: number): RetryToken {
  const state = state128();
  mix128(state, batch);
  mix128(state, Uint8Array.of(position));
  return tokenOf(state);
}

function tokenOf(state: Uint32Array): RetryToken {
  const token = new Uint8Array(4 * state.length);
  const view = new DataView(token.buffer);
  for (const [i, word] of state.entries()) view.setUint32(4 * i, word);
  return token;
}
