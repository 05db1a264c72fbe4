/**
 * The router: the whole database as one, whatever group has which shard. Every node runs one, and any takes any request.
 *
 * In: reads, writes and pages on tables (`Database`). Out: their outcome, or a `Failure` that passes by itself.
 * Assumed: a `Cluster` that reaches nodes and never rejects. Promised: a write takes effect at most once, however often it
 * was sent (S1), and its outcome is never guessed: whoever gets `unavailable` does not know; a consistent read is
 * linearizable (D1, R6); a table that the controller knows is found, however old this node's map is.
 */
export type { RetryToken } from '../store/index.ts';
export { REQUEST_TIMEOUT_MS } from './attempts.ts';
export type { Cluster } from './cluster.ts';
export { ControllerClient } from './controller-client.ts';
export { LeaderClient } from './leader-client.ts';
export { Router } from './router.ts';
export { RoutingTable } from './routing-table.ts';
export type {
  CreateTableOutcome,
  Database,
  DeleteTableOutcome,
  Failure,
  Found,
  Page,
  TableStatistics,
} from './types.ts';
