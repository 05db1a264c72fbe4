import type { ApiContext } from './context.ts';
import { JsonBody } from './encode/body.ts';
import { ApiError, ERRORS, type ErrorName, notBuilt } from './errors.ts';
import { OPERATIONS } from './operations.ts';

export interface ApiRequest {
  /** The header X-Amz-Target: `DynamoDB_20120810.PutItem`. */
  readonly target: string | undefined;
  /** The header amz-sdk-invocation-id: the same each time that an SDK sends one request. */
  readonly invocationId?: string | undefined;
  readonly body: Uint8Array;
}

export interface ApiResponse {
  readonly status: number;
  /** JSON. */
  readonly body: Uint8Array;
  /** Undefined for an answer without error. */
  readonly error: ErrorName | undefined;
}

const SERVICES = ['DynamoDB_20120810.', 'DynamoDBStreams_20120810.'];

/** Operations by their target; those of DynamoDB Streams are asked for under a name of their own. */
const BY_TARGET = new Map(
  OPERATIONS.flatMap((entry) => SERVICES.map((service) => [service + entry.name, entry] as const)),
);

/** Answers one request. Rejects only when something is broken here, never for what the client or the cluster did. */
export function handle(request: ApiRequest, context: ApiContext): Promise<ApiResponse> {
  try {
    return answer(request, context).then(success, failure);
  } catch (error) {
    return new Promise((resolve) => resolve(failure(error)));
  }
}

function answer({ target, body, invocationId }: ApiRequest, context: ApiContext) {
  const entry = BY_TARGET.get(target ?? '');
  if (entry === undefined) throw new ApiError('UnknownOperationException', 'Unknown operation');
  if (entry.operation === undefined) throw notBuilt(`The operation ${entry.name}`);
  return entry.operation.answer(body, context, invocationId);
}

function success(body: Uint8Array): ApiResponse {
  return { status: 200, body, error: undefined };
}

function failure(error: unknown): ApiResponse {
  if (error instanceof ApiError) return errorResponse(error);
  throw error;
}

/** The answer to a request that failed. */
export function errorResponse(error: ApiError): ApiResponse {
  const { prefix, status } = ERRORS[error.name];
  const body = new JsonBody()
    .member('__type', prefix + error.name)
    // The framework's own errors spell it with a capital.
    .member(prefix.startsWith('com.amazon.coral.service') ? 'Message' : 'message', error.message)
    .raw('Item', error.item)
    .finish();
  return { status, body, error: error.name };
}
