import { spawnSync } from 'node:child_process';

/** Runs commands one after the other, with a line for each. Returns whether one failed; the rest is then left out. */
export function runSteps(steps) {
  for (const [name, command, args] of steps) {
    const started = performance.now();
    console.log(`· ${name}`);
    const { status, error } = spawnSync(command, args, {
      stdio: 'inherit',
      env: {
        ...(process.stdout.isTTY ? {} : { NO_COLOR: '1' }),
        ...process.env,
        PATH: `node_modules/.bin:${process.env.PATH}`,
      },
    });
    if (error) throw error;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    console.log(`${status === 0 ? 'ok' : 'FAILED'}: ${name} (${seconds} s)`);
    if (status !== 0) return true;
  }
  return false;
}
