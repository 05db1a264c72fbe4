import type { Model } from './linearizability.ts';

/** A register, and the string of the MIT suite (§7): what a key holds, "" at first. */
export type RegisterInput =
  | { readonly kind: 'get' }
  | { readonly kind: 'put'; readonly value: string }
  | { readonly kind: 'append'; readonly value: string };

/** Of a get what it saw; puts and appends are answered with "". */
export const REGISTER: Model<string, RegisterInput, string> = {
  initial: '',
  step(state, input, output) {
    switch (input.kind) {
      case 'get':
        return output === undefined || output === state ? state : undefined;
      case 'put':
        return input.value;
      case 'append':
        return state + input.value;
    }
  },
  keyOf: (state) => state,
  isRead: ({ kind }) => kind === 'get',
  leadsTo: (state, output) => output.startsWith(state),
  restarts: (input, output) => input.kind === 'put' && output.startsWith(input.value),
  onlyReadsSee: true,
  print: (input, output) => {
    const shown =
      output === undefined ? '?' : input.kind === 'get' ? JSON.stringify(tail(output)) : '';
    return input.kind === 'get'
      ? `get → ${shown}`
      : `${input.kind} ${JSON.stringify(tail(input.value))} ${shown}`;
  },
};

/**
 * A value with a version, written only by who knows the version (§11.2): {value, version}, ("", 0) at first. `maybe`: a try may
 * have taken effect or not.
 */
export type VersionedInput =
  | { readonly kind: 'get' }
  | { readonly kind: 'put'; readonly value: string; readonly version: number };

export type VersionedOutput =
  | { readonly kind: 'value'; readonly value: string; readonly version: number }
  | { readonly kind: 'ok' | 'wrong-version' | 'maybe' };

export interface Versioned {
  readonly value: string;
  readonly version: number;
}

export const VERSIONED: Model<Versioned, VersionedInput, VersionedOutput> = {
  initial: { value: '', version: 0 },
  step(state, input, output) {
    if (input.kind === 'get') {
      if (output === undefined) return state;
      const isIt =
        output.kind === 'value' && output.value === state.value && output.version === state.version;
      return isIt ? state : undefined;
    }
    const fits = input.version === state.version;
    const answer = output?.kind;
    if (fits && (answer === undefined || answer === 'ok' || answer === 'maybe')) {
      return { value: input.value, version: state.version + 1 };
    }
    if (!fits && (answer === undefined || answer === 'wrong-version' || answer === 'maybe')) {
      return state;
    }
    return undefined;
  },
  keyOf: ({ value, version }) => `${version}:${value}`,
  isRead: ({ kind }, output) => kind === 'get' || output?.kind === 'wrong-version',
  print: (input, output) => {
    const asked =
      input.kind === 'get'
        ? 'get'
        : `put ${JSON.stringify(input.value)} at version ${input.version}`;
    if (output === undefined) return `${asked} → ?`;
    const { kind } = output;
    return `${asked} → ${kind === 'value' ? `${JSON.stringify(output.value)} of version ${output.version}` : kind}`;
  },
};

/** A counter whose additions tell the sum. */
export interface AddInput {
  readonly kind: 'add' | 'get';
  readonly amount: number;
}

export const COUNTER: Model<number, AddInput, number> = {
  initial: 0,
  step(state, { kind, amount }, output) {
    const next = kind === 'add' ? state + amount : state;
    return output === undefined || output === next ? next : undefined;
  },
  keyOf: (state) => String(state),
  isRead: ({ kind }) => kind === 'get',
  print: ({ kind, amount }, output) =>
    `${kind}${kind === 'add' ? ` ${amount}` : ''} → ${output ?? '?'}`,
};

const SHOWN = 60;

function tail(text: string): string {
  return text.length > SHOWN ? `…${text.slice(-SHOWN)}` : text;
}
