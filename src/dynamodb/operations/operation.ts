import type { ApiContext } from '../context.ts';
import { parseBody } from '../decode/json.ts';
import type { Shape } from '../decode/shape.ts';
import { Violations } from '../validate/violations.ts';

/** One operation of the API: the body of a request in, the body of the answer out. */
export interface Operation {
  readonly name: string;
  /** Rejects with an ApiError. */
  answer(body: Uint8Array, context: ApiContext): Promise<Uint8Array>;
}

/** Decodes and checks the parameters by their declaration, then runs. `run` may trust what `input` declares. */
export function operation<I>(
  name: string,
  input: Shape<I>,
  run: (input: I, context: ApiContext) => Promise<Uint8Array>,
): Operation {
  return {
    name,
    async answer(body, context) {
      const parameters = input.decode(parseBody(body), 'field');
      const violations = new Violations();
      input.check(parameters, '', violations);
      violations.throwIfAny();
      return run(parameters, context);
    },
  };
}
