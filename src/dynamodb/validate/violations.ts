import { validationError } from '../errors.ts';

/** DynamoDB stops at ten; and no answer repeats megabytes of its request. */
const VIOLATIONS_MAX = 10;
const SHOWN_LENGTH_MAX = 4096;

/** Counts what breaks the constraints of a request's parameters: DynamoDB names all of it in one message. */
export class Violations {
  readonly #found: string[] = [];

  get count(): number {
    return this.#found.length;
  }

  /** `value` as Java prints it (undefined: absent); `path` like `keySchema.1.member.keyType`. */
  add(value: string | undefined, path: string, constraint: string): void {
    if (this.#found.length === VIOLATIONS_MAX) return;
    const shown = value === undefined ? 'null' : `'${value.slice(0, SHOWN_LENGTH_MAX)}'`;
    this.#found.push(`Value ${shown} at '${path}' failed to satisfy constraint: ${constraint}`);
  }

  /** Throws ValidationException unless nothing was found. */
  throwIfAny(): void {
    const count = this.#found.length;
    if (count === 0) return;
    const noun = count === 1 ? 'error' : 'errors';
    throw validationError(`${count} validation ${noun} detected: ${this.#found.join('; ')}`);
  }
}

/** Parameter names in messages begin with a small letter. */
export function memberName(field: string): string {
  return field.charAt(0).toLowerCase() + field.slice(1);
}

export function lengthAtMost(max: number): string {
  return `Member must have length less than or equal to ${max}`;
}

export function lengthAtLeast(min: number): string {
  return `Member must have length greater than or equal to ${min}`;
}
