import { describe, expect, test } from 'vitest';
import { Admission } from '../../src/group/admission.ts';
import { Backlog } from '../../src/group/backlog.ts';
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
  const state = { mayPropose: true, mayAppend: true, isBacklogFull: false };
  const backlog = { bytes: 0 };
  const made = new Admission({ log, state, backlog, unappliedBytesMax: 1000 });
  return { log, state, backlog, admission: made };
}

test('[S4] a backlog is applied in order, and counts in its own budget and in that of all', () => {
  let waiting = 0;
  const backlog = new Backlog({
    waits: (bytes) => {
      waiting += bytes;
    },
  });
  const [first, second, third] = [entry(1, 10), entry(2, 0, 'empty'), entry(3, 5)] as const;
  expect([backlog.isEmpty, backlog.take()]).toEqual([true, undefined]);
  backlog.add([first, second]);
  expect([backlog.bytes, waiting]).toEqual([10 + 2 * OVERHEAD, 10 + 2 * OVERHEAD]);
  expect(backlog.take()).toBe(first);
  backlog.add([third]);
  expect([backlog.take(), backlog.isEmpty]).toEqual([second, false]);
  expect([backlog.bytes, waiting]).toEqual([5 + OVERHEAD, 5 + OVERHEAD]);
  backlog.clear();
  expect([backlog.isEmpty, backlog.take(), backlog.bytes, waiting]).toEqual([
    true,
    undefined,
    0,
    0,
  ]);
});

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
    const { state, backlog, admission: takes } = admission();
    const message = request([]);
    backlog.bytes = 1000;
    expect([takes.takesProposals, takes.takes(message)]).toEqual([true, message]);
    backlog.bytes++;
    expect([takes.takesProposals, takes.takes(message)]).toEqual([false, undefined]);
    backlog.bytes = 0;
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
