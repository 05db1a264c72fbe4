/**
 * The order of the UTF-8 forms, without making them: negative, zero or positive. UTF-16 units have the same order, except
 * that surrogates (code points from U+10000) stand below the units from U+E000 on.
 */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return utf8Rank(unitA) - utf8Rank(unitB);
  }
  return a.length - b.length;
}

function utf8Rank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}

/** The text with each lone surrogate, which has no UTF-8 form, replaced by U+FFFD. */
export function wellFormed(text: string): string {
  const unicode = text as UnicodeText;
  return unicode.isWellFormed() ? text : unicode.toWellFormed();
}

// ES2024, present in Node.js 20 and in browsers since 2023; the compiler's ES2023 library does not name it yet.
type UnicodeText = string & { isWellFormed(): boolean; toWellFormed(): string };
