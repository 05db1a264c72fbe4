import { utf8 } from '../bytes/index.ts';

// The engine's own search is quadratic at worst; below this product that is at most a millisecond.
const QUADRATIC_BOUND = 1_000_000;

/** Whether `part` stands somewhere in `text`, both well-formed; linear for long texts, whatever they are. */
export function includesText(text: string, part: string): boolean {
  if (text.length * part.length <= QUADRATIC_BOUND) return text.includes(part);
  // UTF-8 never finds a character inside another one, so searching the bytes is the same.
  return includesBytes(utf8(text), utf8(part));
}

/** Whether `part` stands somewhere in `bytes`: Knuth, Morris and Pratt, "Fast pattern matching in strings" (1977). */
export function includesBytes(bytes: Uint8Array, part: Uint8Array): boolean {
  if (part.length === 0) return true;
  if (part.length > bytes.length) return false;
  const borders = bordersOf(part);
  let matched = 0;
  for (let i = 0; i < bytes.length; i++) {
    while (matched > 0 && bytes[i] !== part[matched]) matched = borders[matched - 1] as number;
    if (bytes[i] === part[matched]) matched++;
    if (matched === part.length) return true;
  }
  return false;
}

/** For each prefix, the length of its longest proper prefix that is also its suffix. */
function bordersOf(part: Uint8Array): Uint32Array {
  const borders = new Uint32Array(part.length);
  let border = 0;
  for (let i = 1; i < part.length; i++) {
    while (border > 0 && part[i] !== part[border]) border = borders[border - 1] as number;
    if (part[i] === part[border]) border++;
    borders[i] = border;
  }
  return borders;
}
