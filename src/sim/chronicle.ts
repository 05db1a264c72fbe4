/** Something worth telling, in words. */
export interface Happening {
  /** The number of the event in the run, and when it was, in simulated milliseconds. */
  readonly event: number;
  readonly at: number;
  readonly what: string;
}

const KEPT = 40;

/** What happened in a world, as one would tell it: the last of it is kept for whoever asks why something went wrong. */
export class Chronicle {
  readonly #now: () => { readonly event: number; readonly at: number };
  readonly #listener: ((happening: Happening) => void) | undefined;
  readonly #last: Happening[] = [];

  constructor(
    now: () => { readonly event: number; readonly at: number },
    listener?: (happening: Happening) => void,
  ) {
    this.#now = now;
    this.#listener = listener;
  }

  tell(what: string): void {
    const happening = { ...this.#now(), what };
    this.#last.push(happening);
    if (this.#last.length > KEPT) this.#last.shift();
    this.#listener?.(happening);
  }

  get last(): readonly Happening[] {
    return [...this.#last];
  }
}
