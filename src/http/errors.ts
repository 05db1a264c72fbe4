import { ApiError, type ErrorName, errorResponse } from '../dynamodb/index.ts';
import type { HttpReply } from './request.ts';

export const JSON_TYPE = 'application/x-amz-json-1.0';

/** An error in DynamoDB's form, so that SDKs can parse whatever happens to them. `status` only where HTTP knows better. */
export function errorReply(name: ErrorName, message: string, status?: number): HttpReply {
  const response = errorResponse(new ApiError(name, message));
  return { status: status ?? response.status, contentType: JSON_TYPE, body: response.body };
}
