import type { GroupId } from '../controller/index.ts';
import type { Clock } from '../ports/index.ts';

/** What a router knows of each group's session time, to reckon deadlines in it (S1). */
export class SessionTimes {
  readonly #clock: Clock;
  readonly #seen = new Map<GroupId, { readonly time: number; readonly at: number }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  learn(group: GroupId, time: number): void {
    this.#seen.set(group, { time, at: this.#clock.monotonic() });
  }

  /**
   * A deadline `remainingMs` from now. For a group that never answered it lies in the past: the first command is refused,
   * with the group's time. After the group stood still it lies too far ahead, which the group refuses likewise.
   */
  deadline(group: GroupId, remainingMs: number): number {
    const seen = this.#seen.get(group);
    if (!seen) return 0;
    return Math.ceil(seen.time + (this.#clock.monotonic() - seen.at) + remainingMs);
  }
}
