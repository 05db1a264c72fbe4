import type { StateDigest } from '../store/index.ts';
import type { NodeOptions } from './options.ts';
import { type QuarantineRecord, quarantineState } from './quarantine.ts';
import type { Replicas } from './replicas.ts';
import type { Difference } from './state-comparison.ts';

/** Whether it is about what a replica of this node is now. `said`: the digests that this node gave of the group. */
export function isOwnDifference(
  { group, replica, index, digest }: Difference,
  said: readonly StateDigest[],
  replicas: Pick<Replicas, 'data'>,
): boolean {
  const isSaid = said.some((own) => own.index === index && own.digest === digest);
  return isSaid && replicas.data(group)?.replica.id === replica;
}

/**
 * A replica of this node is not what the majority is (S3): this node leaves leading to others and ends, and when it starts again the
 * replica begins anew, as one that counts for nothing. Resolves with the error to end with.
 */
export async function endWithDifference(
  { group, replica, index, digest, expected }: Difference,
  node: Pick<NodeOptions, 'identity' | 'notice' | 'disk'>,
  quarantine: readonly QuarantineRecord[],
  stepAside: () => Promise<void>,
): Promise<Error> {
  const text =
    `replica ${replica} of group ${group} on node ${node.identity.name} differs from the majority ` +
    `at entry ${index}: its state has the digest ${digest}, theirs ${expected}`;
  node.notice(text);
  await stepAside();
  await quarantineState(node.disk, quarantine, replica, text);
  return new Error(text);
}
