import type { ApiContext } from '../context.ts';
import { parseBody } from '../decode/json.ts';
import type { Shape } from '../decode/shape.ts';
import { type RetryToken, retryTokenOf } from '../plan/retry-token.ts';
import { Violations } from '../validate/violations.ts';

/** One operation of the API: the body of a request in, the body of the answer out. */
export interface Operation {
  readonly name: string;
  /**
   * Throws an ApiError or rejects with it. `body` is not looked at after the call has returned its promise. `invocationId`: by which an SDK
   * names a request however often it sends it.
   */
  answer(
    body: Uint8Array,
    context: ApiContext,
    invocationId: string | undefined,
  ): Promise<Uint8Array>;
}

/** Decodes and checks the parameters by their declaration, then runs. `run` may trust what `input` declares. */
export function operation<I>(
  name: string,
  input: Shape<I>,
  run: (input: I, context: ApiContext) => Promise<Uint8Array>,
): Operation {
  return {
    name,
    answer(body, context) {
      return run(parametersOf(input, body), context);
    },
  };
}

/** Likewise, for an operation that takes effect once however often an SDK sends it (S1). */
export function writeOperation<I>(
  name: string,
  input: Shape<I>,
  run: (input: I, context: ApiContext, retry: RetryToken | undefined) => Promise<Uint8Array>,
): Operation {
  return {
    name,
    answer(body, context, invocationId) {
      const parameters = parametersOf(input, body);
      return run(parameters, context, retryTokenOf(invocationId, name, body));
    },
  };
}

function parametersOf<I>(input: Shape<I>, body: Uint8Array): I {
  const parameters = input.decode(parseBody(body), 'field');
  const violations = new Violations();
  input.check(parameters, '', violations);
  violations.throwIfAny();
  return parameters;
}
