import { closeSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/*
 * What was found damaged once is not opened again: a node that is started anew must not serve it until the damage is met
 * again. So the first find is written down, in a file beside LMDB's, before anybody hears of it.
 */
const NAME = 'damaged';

/** What was found in this directory earlier, in one line. */
export function readDamageNote(directory: string): string | undefined {
  try {
    return readFileSync(join(directory, NAME), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** At once and synchronously, since whoever meets damage may be about to end. Keeps an earlier note. */
export function writeDamageNote(directory: string, text: string): void {
  try {
    const file = openSync(join(directory, NAME), 'wx', 0o600);
    try {
      writeSync(file, text);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch {
    // There is a note already, or no room for one: then the damage is found again after the start.
  }
}

/**
 * Moves an environment that was found damaged to `DIRECTORY.damaged`, where it is left for whoever wants to look at it, so
 * that an empty one is opened next. `before` is told what was found, and waited for: from then on nobody may count on what
 * was here.
 */
export async function setAsideDamaged(
  directory: string,
  before: (found: string) => Promise<void>,
): Promise<void> {
  const found = readDamageNote(directory);
  if (found === undefined) return;
  await before(found);
  const aside = `${directory}.damaged`;
  await rm(aside, { recursive: true, force: true });
  await rename(directory, aside);
  const parent = await open(dirname(directory));
  await parent.sync();
  await parent.close();
}
