import { validationError } from '../errors.ts';

/** DynamoDB stops at ten. */
const VIOLATIONS_MAX = 10;
const PATH_LENGTH_MAX = 1024;

/** Counts what breaks the constraints of a request's parameters: DynamoDB names all of it in one message. */
export class Violations {
  readonly #found: string[] = [];

  get count(): number {
    return this.#found.length;
  }

  /** `value` as Java prints it (undefined: absent); `path` like `keySchema.1.member.keyType`. */
  add(value: string | undefined, path: string, constraint: string): void {
    if (this.#found.length === VIOLATIONS_MAX) return;
    const shown = value === undefined ? 'null' : `'${value}'`;
    const place = path.slice(0, PATH_LENGTH_MAX);
    this.#found.push(`Value ${shown} at '${place}' failed to satisfy constraint: ${constraint}`);
  }

  /** Throws ValidationException unless nothing was found. */
  throwIfAny(): void {
    const count = this.#found.length;
    if (count === 0) return;
    const noun = count === 1 ? 'error' : 'errors';
    throw validationError(`${count} validation ${noun} detected: ${this.#found.join('; ')}`);
  }
}

const SKETCH_LENGTH_MAX = 4096;

/** A value's text, as far as a message shows it: no answer repeats megabytes of its request, nor are they printed for it. */
export class Sketch {
  #text = '';

  get text(): string {
    return this.#text;
  }

  /** Whether more would be lost. */
  get isFull(): boolean {
    return this.#text.length >= SKETCH_LENGTH_MAX;
  }

  add(text: string): this {
    const room = SKETCH_LENGTH_MAX - this.#text.length;
    if (room > 0) this.#text += text.length > room ? text.slice(0, room) : text;
    return this;
  }

  /** `opening`, then each value with `, ` in between, then `closing`. */
  addAll<T>(opening: string, values: Iterable<T>, closing: string, each: (value: T) => void): this {
    this.add(opening);
    let separator = '';
    for (const value of values) {
      if (this.isFull) break;
      this.add(separator);
      each(value);
      separator = ', ';
    }
    return this.add(closing);
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
