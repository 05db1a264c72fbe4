import { describe, expect, test } from 'vitest';
import { type ProposalResult, Proposals, Reads } from '../../src/group/waiters.ts';

const RESULT = Uint8Array.of(1);

describe('proposals', () => {
  test('end once: applied, replaced by another term, or unknown', () => {
    const proposals = new Proposals();
    const ends: [number, ProposalResult['kind']][] = [];
    for (const index of [1, 2, 3]) proposals.add(index, 4, ({ kind }) => ends.push([index, kind]));
    proposals.applied(1, 4, RESULT);
    proposals.applied(1, 4, RESULT);
    proposals.applied(2, 5, RESULT);
    proposals.abandon();
    proposals.abandon();
    proposals.applied(3, 4, RESULT);
    expect(ends).toEqual([
      [1, 'applied'],
      [2, 'not-leader'],
      [3, 'unknown'],
    ]);
  });

  test('[L4] [F7] one that is not applied for long ends as unknown, and does not wait for a disk for ever', () => {
    const proposals = new Proposals();
    const ends: string[] = [];
    proposals.add(1, 1, ({ kind }) => ends.push(`1 ${kind}`));
    for (let i = 0; i < 20; i++) proposals.tick();
    proposals.add(2, 1, ({ kind }) => ends.push(`2 ${kind}`));
    for (let i = 0; i < 15; i++) proposals.tick();
    expect(ends).toEqual(['1 unknown']);
    proposals.applied(1, 1, RESULT);
    proposals.applied(2, 1, RESULT);
    expect(ends).toEqual(['1 unknown', '2 applied']);
  });

  test('one that is made while others are abandoned is not abandoned with them', () => {
    const proposals = new Proposals();
    const ends: string[] = [];
    proposals.add(1, 1, () => proposals.add(2, 1, ({ kind }) => ends.push(kind)));
    proposals.abandon();
    expect(ends).toEqual([]);
    proposals.applied(2, 1, RESULT);
    expect(ends).toEqual(['applied']);
  });
});

describe('reads', () => {
  function waiting(reads: Reads, name: string, ends: string[]): void {
    reads.add((confirmed) => ends.push(`${name} ${confirmed}`));
  }

  test('[R6] that come in one turn share a question, and wait until the state is that far', () => {
    const reads = new Reads(100);
    const ends: string[] = [];
    const contexts: number[] = [];
    waiting(reads, 'a', ends);
    waiting(reads, 'b', ends);
    reads.ask((context) => contexts.push(context) > 0);
    reads.ask((context) => contexts.push(context) > 0);
    expect(contexts).toEqual([100]);
    reads.onReadState(100, 7, false);
    reads.onApplied(6);
    expect(ends).toEqual([]);
    reads.onApplied(7);
    expect(ends).toEqual(['a true', 'b true']);
  });

  test('[F7] that are confirmed end, too, when the state does not come that far soon; it is behind until it does', () => {
    const reads = new Reads(1);
    const ends: string[] = [];
    waiting(reads, 'a', ends);
    reads.ask(() => true);
    reads.onReadState(1, 7, false);
    for (let i = 0; i < 2; i++) reads.tick();
    expect(ends).toEqual([]);
    expect(reads.isBehind(6)).toBe(false);
    reads.tick();
    expect(ends).toEqual(['a false']);
    expect([6, 7].map((applied) => reads.isBehind(applied))).toEqual([true, false]);
    reads.onApplied(7);
    expect(ends).toEqual(['a false']);
  });

  test('[L4] that the state will not reach for long end at once, and no others', () => {
    const reads = new Reads(1);
    const ends: string[] = [];
    waiting(reads, 'confirmed', ends);
    reads.ask(() => true);
    reads.onReadState(1, 7, false);
    waiting(reads, 'asked', ends);
    reads.ask(() => true);
    reads.stopWaiting();
    expect(ends).toEqual(['confirmed false']);
    reads.onReadState(2, 6, false);
    reads.onApplied(6);
    expect(ends).toEqual(['confirmed false', 'asked true']);
  });

  test('end when nobody is there to ask, when they are rejected, and when no answer comes', () => {
    const reads = new Reads(1);
    const ends: string[] = [];
    waiting(reads, 'nobody', ends);
    reads.ask(() => false);
    waiting(reads, 'rejected', ends);
    reads.ask(() => true);
    reads.onReadState(2, 0, true);
    waiting(reads, 'lost', ends);
    reads.ask(() => true);
    for (let i = 0; i < 9; i++) reads.tick();
    expect(ends).toEqual(['nobody false', 'rejected false']);
    reads.tick();
    expect(ends.at(-1)).toBe('lost false');
    // The answer comes late, or comes again: nobody waits for it.
    reads.onReadState(3, 1, false);
    reads.onApplied(5);
    expect(ends).toHaveLength(3);
  });

  test('all end with the replica', () => {
    const reads = new Reads(1);
    const ends: string[] = [];
    waiting(reads, 'confirmed', ends);
    reads.ask(() => true);
    reads.onReadState(1, 9, false);
    waiting(reads, 'asked', ends);
    reads.ask(() => true);
    waiting(reads, 'gathered', ends);
    reads.abandon();
    expect(ends.toSorted()).toEqual(['asked false', 'confirmed false', 'gathered false']);
  });
});
