import { utf8, utf8Text } from '../bytes/index.ts';
import type { Reader, Write } from '../engine/index.ts';
import type { ControllerCommand, ControllerOutcome } from './command.ts';

const KEY = Uint8Array.of(0x04);

/** A request is sent again for some seconds; so many others do not come in that time. */
const ANSWERS_MAX = 256;

interface Answer {
  readonly request: string;
  readonly outcome: ControllerOutcome;
}

/**
 * The outcomes of the newest requests, by their tokens: one that comes once more after others must not undo what they did
 * (F35). Only of commands for which it is not enough to find what they wanted done.
 */
export class Answers {
  #answers: readonly Answer[] = [];

  restore(state: Reader): void {
    const value = state.get(KEY);
    this.#answers = value ? (JSON.parse(utf8Text(value)) as Answer[]) : [];
  }

  /** What the request was answered the first time. */
  get(command: ControllerCommand): ControllerOutcome | undefined {
    const request = tokenOf(command);
    return this.#answers.find((answer) => answer.request === request)?.outcome;
  }

  remember(command: ControllerCommand, outcome: ControllerOutcome): Write[] {
    const request = tokenOf(command);
    if (request === undefined) return [];
    const answer: Answer = { request, outcome: outcome.kind === 'created' ? MADE : outcome };
    this.#answers = [...this.#answers.slice(1 - ANSWERS_MAX), answer];
    return [{ key: KEY, value: utf8(JSON.stringify(this.#answers)) }];
  }
}

/** While the table is there a repeated creation finds it by its uuid. Afterwards nobody waits for the answer any more. */
const MADE: ControllerOutcome = { kind: 'exists' };

function tokenOf(command: ControllerCommand): string | undefined {
  if (command.kind === 'create-table') return command.uuid;
  return 'request' in command ? command.request : undefined;
}
