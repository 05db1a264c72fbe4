import { lengthAtLeast, lengthAtMost } from '../validate/violations.ts';
import { decodeString, printed, printText, type Shape } from './shape.ts';

const LENGTH_MAX = 255;
const PATTERN = '[a-zA-Z0-9_.-]+';
const ALLOWED = /^[a-zA-Z0-9_.-]+$/;
const ARN = /^arn:aws[a-z-]*:dynamodb:[^:]*:[^:]*:table\/([a-zA-Z0-9_.-]+)$/;

/**
 * A table by its name or its ARN; decodes to the name. Data operations let shorter names pass than CreateTable does, which
 * then are names of no table.
 */
export function tableName(lengthMin: 1 | 3 = 1): Shape<string> {
  const shape: Shape<string> = {
    decisive: true,
    decode: (json) => nameOf(decodeString(json)),
    check(value, path, violations) {
      if (value.length < lengthMin) {
        violations.add(value, path, lengthAtLeast(lengthMin));
      } else if (value.length > LENGTH_MAX) {
        violations.add(printed(shape, value), path, lengthAtMost(LENGTH_MAX));
      } else if (!ALLOWED.test(value)) {
        violations.add(value, path, `Member must satisfy regular expression pattern: ${PATTERN}`);
      }
    },
    print: printText,
  };
  return shape;
}

/** The table's name out of an ARN; anything else unchanged, for the pattern to judge. */
export function nameOf(nameOrArn: string): string {
  if (!nameOrArn.startsWith('arn:')) return nameOrArn;
  return ARN.exec(nameOrArn)?.[1] ?? nameOrArn;
}

/** The keys of a batch's RequestItems. */
export const tableNameKeys = {
  constraints: [
    lengthAtMost(LENGTH_MAX),
    lengthAtLeast(1),
    `Member must satisfy regular expression pattern: ${PATTERN}`,
  ],
  accepts(key: string): boolean {
    const name = nameOf(key);
    return name.length <= LENGTH_MAX && ALLOWED.test(name);
  },
};
