/** A source of uniform bits: cryptographic in production, one seeded stream per subsystem in the simulator. */
export interface Random {
  /** A uniform integer in [0, 2^32). */
  uint32(): number;
  /** Fills `target` with uniform bytes. */
  fill(target: Uint8Array): void;
}
