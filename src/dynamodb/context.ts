import type { Database } from '../router/index.ts';

/** What operations need of the world. */
export interface ApiContext {
  readonly database: Database;
  /** `host:port` under which clients reach this endpoint, for DescribeEndpoints. */
  readonly address: string;
}

/** There is one region and one account, and both are only words in ARNs. */
export const REGION = 'local';
export const ACCOUNT = '000000000000';

export function tableArn(name: string): string {
  return `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}`;
}
