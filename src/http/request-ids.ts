import type { Random } from '../ports/index.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const ID_LENGTH = 52;
const COUNT_LENGTH = 10;

/** All pairs of digits in base 32: the last two of a count change with every request, the others once in 1024. */
const PAIRS = Array.from({ length: 1024 }, (_, i) => digits(i, 2));

/** Request ids in the form of DynamoDB's: unique, since they are a random prefix and a count. */
export function requestIds(random: Random): () => string {
  const prefix = word(random, ID_LENGTH - COUNT_LENGTH);
  let high = random.uint32();
  let low = 0;
  let beginning = prefix + digits(high, COUNT_LENGTH - 2);
  return () => {
    if (low === PAIRS.length) {
      low = 0;
      beginning = prefix + digits(++high, COUNT_LENGTH - 2);
    }
    return beginning + (PAIRS[low++] as string);
  };
}

function digits(count: number, length: number): string {
  return count.toString(32).toUpperCase().padStart(length, '0');
}

function word(random: Random, length: number): string {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte & 31)).join('');
}
