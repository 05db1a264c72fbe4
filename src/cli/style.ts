import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours for a person at a terminal; plain text for whatever reads a pipe. */
export function styled(style: Style, text: string): string {
  return process.stdout.isTTY ? styleText(style, text) : text;
}
