import { execFileSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

const REPOSITORY = join(import.meta.dirname, '..');
/** Every build writes it. */
const BUILT = join(REPOSITORY, 'dist/index.js');

/** Vitest calls it before anything else: what the tests run is built if something in src/ is newer than that. */
export function setup(): void {
  const builtAt = changedAt(BUILT);
  const source = join(REPOSITORY, 'src');
  // Directories too: they change when a file goes.
  const paths = ['.', ...readdirSync(source, { recursive: true, encoding: 'utf8' })];
  if (paths.every((path) => changedAt(join(source, path)) < builtAt)) return;
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: REPOSITORY, stdio: 'inherit' });
}

/** When it is not there, before everything. */
function changedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
