/**
 * Every error that the API answers with, in one table: the name that SDKs see, the prefix of `__type`, the HTTP status, and
 * whether a client may send the same request again. Source: the DynamoDB API reference, "Error handling with DynamoDB".
 */
interface ErrorEntry {
  readonly prefix: string;
  readonly status: number;
  readonly retryable: boolean;
}

const DYNAMODB = 'com.amazonaws.dynamodb.v20120810#';
const SERVICE = 'com.amazon.coral.service#';
const VALIDATE = 'com.amazon.coral.validate#';

export const ERRORS = {
  BackupNotFoundException: { prefix: DYNAMODB, status: 400, retryable: false },
  ConditionalCheckFailedException: { prefix: DYNAMODB, status: 400, retryable: false },
  ExportNotFoundException: { prefix: DYNAMODB, status: 400, retryable: false },
  GlobalTableNotFoundException: { prefix: DYNAMODB, status: 400, retryable: false },
  ImportNotFoundException: { prefix: DYNAMODB, status: 400, retryable: false },
  InternalServerError: { prefix: DYNAMODB, status: 500, retryable: true },
  MalformedHttpRequestException: { prefix: SERVICE, status: 400, retryable: false },
  PolicyNotFoundException: { prefix: DYNAMODB, status: 400, retryable: false },
  RequestEntityTooLargeException: { prefix: SERVICE, status: 413, retryable: false },
  RequestTimeoutException: { prefix: SERVICE, status: 408, retryable: true },
  ResourceInUseException: { prefix: DYNAMODB, status: 400, retryable: false },
  ResourceNotFoundException: { prefix: DYNAMODB, status: 400, retryable: false },
  SerializationException: { prefix: SERVICE, status: 400, retryable: false },
  ThrottlingException: { prefix: DYNAMODB, status: 400, retryable: true },
  UnknownOperationException: { prefix: SERVICE, status: 400, retryable: false },
  ValidationException: { prefix: VALIDATE, status: 400, retryable: false },
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type ErrorName = keyof typeof ERRORS;

/** How many frames V8 notes where an error is made. */
const V8_ERROR: ErrorConstructor & { stackTraceLimit?: number | undefined } = Error;

/** Leaves an operation from any depth; handle.ts turns it into the answer. Nothing else that is thrown reaches a client. */
export class ApiError extends Error {
  override readonly name: ErrorName;
  /** JSON of the item that made a condition fail, when the request asked for it. */
  readonly item: Uint8Array | undefined;

  constructor(name: ErrorName, message: string, item?: Uint8Array) {
    // Nobody sees where it was thrown, and clients bring about many: to find that out costs more than many a request.
    const { stackTraceLimit } = V8_ERROR;
    V8_ERROR.stackTraceLimit = 0;
    super(message);
    V8_ERROR.stackTraceLimit = stackTraceLimit;
    this.name = name;
    this.item = item;
  }
}

export function validationError(message: string): ApiError {
  return new ApiError('ValidationException', message);
}

export function serializationError(message: string): ApiError {
  return new ApiError('SerializationException', message);
}

/** For a parameter or an operation that DynamoDB has and Flotilla has not yet. */
export function notBuilt(what: string): ApiError {
  return validationError(`${what} is not supported yet: see docs/compatibility.md`);
}
