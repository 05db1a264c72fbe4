import type { Buggify, Random } from '../ports/index.ts';
import type { LogDamage } from './types.ts';

export interface LogOptions {
  /**
   * Called once, when a write or sync failed (L1), or when entries turned out to be damaged that were to be carried
   * forward (L2). The log is dead; the process must end.
   */
  readonly onFatal: (error: Error) => void;
  /**
   * Called at the start with what is damaged, before anything changes on the disk; the log goes on without these replicas
   * once it resolves, so it must have made durable that they are void. Without it `openLog` rejects.
   */
  readonly onDamage?: ((damage: readonly LogDamage[]) => Promise<void>) | undefined;
  /** Length of a segment, in bytes; 64 MiB unless told. */
  readonly segmentBytes?: number;
  /** With more live segments than this, `pinnedThrough` names whoever needs the oldest one; 4 unless told. */
  readonly segmentsMax?: number;
  /** Upper bound of one write, in bytes, which one large append may exceed; 4 MiB unless told. */
  readonly batchBytesMax?: number;
  /** Salts the checksums of new segments, so that clients cannot forge batches. */
  readonly random?: Random;
  readonly buggify?: Buggify;
}

export const SEGMENT_BYTES = 64 * 1024 * 1024;
