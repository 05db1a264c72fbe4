export type {
  CreateTableOutcome,
  Database,
  DeleteTableOutcome,
  Failure,
  Found,
  Page,
  TableStatistics,
} from './types.ts';
