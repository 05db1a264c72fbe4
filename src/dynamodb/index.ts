/**
 * The DynamoDB API: a request's body in, an answer's body out, as a function of the request and the database. No sockets.
 *
 * The pipeline can be read off the folders: decode/ (JSON to typed parameters, by declarations that also say the constraints)
 * → validate/ (constraints, all counted in one message) → expression/ and legacy/ (to the trees of item/expression.ts) →
 * plan/ (keys, ranges, what to ask the database) → operations/ (one file each: its parameters and its run) → encode/.
 *
 * What may be assumed: after `decode` and `check` the parameters are what their declaration says, and nobody validates them
 * again. Every error that a client sees is in the table of errors.ts; anything else that is thrown is a broken invariant and
 * leaves `handle` as a rejection. Input is bounded: the body by http/, JSON depth, expression length, operators and
 * nesting here.
 */
export { ACCOUNT, type ApiContext, REGION, tableArn } from './context.ts';
export { ApiError, ERRORS, type ErrorName } from './errors.ts';
export { type ApiRequest, type ApiResponse, errorResponse, handle } from './handle.ts';
export { OPERATIONS, type OperationState } from './operations.ts';
