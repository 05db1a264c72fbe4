import { stripVTControlCharacters } from 'node:util';
import { styled } from './style.ts';

/** Columns as wide as their widest cell, two blanks between; numbers stand right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const width = (text: string) => stripVTControlCharacters(text).length;
  const widths = head.map((title, i) =>
    Math.max(width(title), ...rows.map((row) => width(row[i] ?? ''))),
  );
  const isNumber = head.map(
    (_, i) => rows.length > 0 && rows.every((row) => /^\d+$/.test(row[i] ?? '')),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        const padding = ' '.repeat((widths[i] ?? 0) - width(cell));
        return isNumber[i] ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [styled('dim', line(head)), ...rows.map(line)].join('\n');
}
