/**
 * The error of a broken invariant, with the values that broke it. It is thrown, never returned: a replica that went
 * wrong must stop before it tells anybody.
 */
export function broken(what: string, values: Readonly<Record<string, unknown>>): Error {
  const details = Object.entries(values).map(([name, value]) => `${name}=${String(value)}`);
  return new Error(`raft: ${what} (${details.join(' ')})`);
}

export function assertNever(value: never): never {
  throw broken('unreachable', { value: JSON.stringify(value) });
}
