import { spawnSync } from 'node:child_process';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { atEnd, giveUp, run } from './processes.ts';

/** A built tree of an older (or any other) revision. */
export interface Revision {
  /** Its abbreviated hash. */
  readonly name: string;
  readonly tree: string;
}

/**
 * Checks a revision out beside the present tree and builds it. Where both have the same package-lock.json they share the
 * installed packages, otherwise `npm ci` brings its own. The worktree is removed at the end of the run.
 */
export async function buildRevision(
  repository: string,
  revision: string,
  directory: string,
): Promise<Revision> {
  const git = (...args: string[]) => run('git', ['-C', repository, ...args]);
  const commit = `${revision}^{commit}`;
  const name = await git('rev-parse', '--short', '--verify', '--end-of-options', commit).catch(() =>
    giveUp(`${revision} is no revision of this repository`),
  );
  const tree = join(directory, 'revision');
  atEnd(() => {
    spawnSync('git', ['-C', repository, 'worktree', 'remove', '--force', tree]);
  });
  await git('worktree', 'add', '--detach', tree, name.trim());
  const lockChanged = await git('diff', '--name-only', name.trim(), '--', 'package-lock.json');
  if (lockChanged) {
    console.log(`${name.trim()}: npm ci`);
    await run('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {}, tree);
  } else {
    symlinkSync(join(repository, 'node_modules'), join(tree, 'node_modules'));
  }
  console.log(`${name.trim()}: building`);
  await run('npm', ['run', '--silent', 'build'], {}, tree);
  return { name: name.trim(), tree };
}
