import { describe, expect, test } from 'vitest';
import { Admission } from '../../src/group/admission.ts';
import type { AppendRequest, Entry } from '../../src/raft/index.ts';

const OVERHEAD = 128;

function entry(index: number, bytes: number, kind: Entry['kind'] = 'normal'): Entry {
  return { index, term: 1, kind, data: new Uint8Array(bytes) };
}

function request(entries: readonly Entry[]): AppendRequest {
  const rest = { incarnation: '', prevIndex: 0, prevTerm: 0, commit: 0 };
  return { type: 'append-request', from: 1, to: 2, term: 1, ...rest, entries };
}

function admission() {
  const log = { hasRoom: true, reserve: 0, hasReserveFor: (bytes: number) => bytes <= log.reserve };
  const state = { mayPropose: true, mayAppend: true, isBacklogFull: false, waiting: 0 };
  const waits = (bytes: number) => {
    state.waiting += bytes;
  };
  const made = new Admission({
    log,
    state: Object.assign(state, { waits }),
    unappliedBytesMax: 1000,
  });
  return { log, state, admission: made };
}

describe('admission', () => {
  test('[L4] on a full disk a leader takes no proposals, and a follower entries as long as it may', () => {
    const { log, state, admission: takes } = admission();
    const message = request([entry(1, 10), entry(2, 10)]);
    state.mayPropose = false;
    expect([takes.takesProposals, takes.takesEntries]).toEqual([false, true]);
    expect(takes.takes(message)).toBe(message);
    state.mayAppend = false;
    expect([takes.takesEntries, takes.takes(message)]).toEqual([false, undefined]);
    expect(takes.takes(request([]))).toEqual(request([]));
    state.mayPropose = true;
    state.mayAppend = true;
    expect([takes.takesProposals, takes.takes(message)]).toEqual([true, message]);
    log.hasRoom = false;
    expect([takes.takesProposals, takes.takes(message)]).toEqual([false, undefined]);
  });

  test('[L4] [G6] a new leader finds room for its first entry, and for what is before it', () => {
    const { log, admission: takes } = admission();
    log.hasRoom = false;
    const first = [entry(5, 100), entry(6, 0, 'empty')];
    const message = request([...first, entry(7, 10)]);
    log.reserve = 100 + 2 * OVERHEAD - 1;
    expect(takes.takes(message)).toBeUndefined();
    log.reserve++;
    expect(takes.takes(message)).toEqual(request(first));
  });

  test('[S4] nothing is taken while too much waits to be applied, of its own or of all', () => {
    const { state, admission: takes } = admission();
    const message = request([]);
    takes.waits(1000);
    expect([takes.takesProposals, takes.takes(message)]).toEqual([true, message]);
    takes.waits(1);
    expect([takes.takesProposals, takes.takes(message)]).toEqual([false, undefined]);
    expect(state.waiting).toBe(1001);
    takes.waitsNoMore();
    expect(state.waiting).toBe(0);
    expect(takes.takesProposals).toBe(true);
    state.isBacklogFull = true;
    expect([takes.takesProposals, takes.takes(message)]).toEqual([false, undefined]);
  });

  test('[L4] a leader that commits nothing for two seconds takes nothing more until it does', () => {
    const { admission: takes } = admission();
    takes.tick(5, 5);
    for (let i = 0; i < 19; i++) takes.tick(5, 8);
    expect(takes.takesProposals).toBe(true);
    takes.tick(5, 8);
    expect(takes.takesProposals).toBe(false);
    takes.tick(6, 8);
    expect(takes.takesProposals).toBe(true);
    // An idle one does not stall.
    for (let i = 0; i < 50; i++) takes.tick(8, 8);
    expect(takes.takesProposals).toBe(true);
  });
});
