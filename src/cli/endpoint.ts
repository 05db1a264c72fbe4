import type { CommandAnswer, OperatorCommand } from '../http/index.ts';
import type { ClusterStatus } from '../node/index.ts';

export const DEFAULT_ENDPOINT = 'http://127.0.0.1:8000';

/** A node gives up asking others long before. */
const ANSWER_MS_MAX = 30_000;

/** The document of `status --json`, from any node; ends the process with one line where there is none. */
export async function fetchStatus(endpoint: string): Promise<ClusterStatus> {
  const answer = await ask(endpoint, '/_flotilla/status');
  const text = await answer.text();
  if (!answer.ok) fail(`${endpoint} answers ${answer.status}: ${text}`);
  return JSON.parse(text) as ClusterStatus;
}

/** Has the controller do something. Says `done`, or ends the process with one line that says why not. */
export async function command(
  endpoint: string,
  wanted: OperatorCommand,
  done: string,
): Promise<void> {
  const answer = await ask(endpoint, '/_flotilla/commands', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wanted),
  });
  const text = await answer.text();
  const { outcome, reason } = answerIn(text);
  if (outcome === 'done') console.log(done);
  else fail(outcome ? `${outcome}: ${reason}` : `${endpoint} answers ${answer.status}: ${text}`);
}

/** Nothing where it is not that of a node with these commands. */
function answerIn(text: string): Partial<CommandAnswer> {
  try {
    return (JSON.parse(text) as Partial<CommandAnswer> | null) ?? {};
  } catch {
    return {};
  }
}

async function ask(endpoint: string, path: string, request: RequestInit = {}): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS_MAX);
    return await fetch(new URL(path, endpoint), { ...request, signal });
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return fail(`no node answers at ${endpoint}: ${(cause as Error).message}`);
  }
}

function fail(reason: string): never {
  console.error(`flotilla: ${reason}`);
  process.exit(1);
}
