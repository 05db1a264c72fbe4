import { readFileSync } from 'node:fs';

/**
 * How many files and connections this process may have open at a time; Infinity where the system sets no bound or does not tell:
 * only Linux does. Node.js has raised the soft limit to the hard one.
 */
export function openFilesMax(): number {
  let limits: string;
  try {
    limits = readFileSync('/proc/self/limits', 'utf8');
  } catch {
    return Number.POSITIVE_INFINITY;
  }
  const soft = Number(/^Max open files\s+(\d+)/m.exec(limits)?.[1]);
  return soft > 0 ? soft : Number.POSITIVE_INFINITY;
}
