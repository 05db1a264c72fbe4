import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter, MalformedError } from '../../src/bytes/index.ts';
import {
  readConfig,
  readRaftMessage,
  writeConfig,
  writeRaftMessage,
} from '../../src/node/raft-codec.ts';
import type { Message } from '../../src/raft/index.ts';

const RUNS = { seed: 1, numRuns: 400 };
const INCARNATION = 'feedfacecafebeef';
const number = fc.oneof(fc.nat(200), fc.maxSafeNat());

const envelope = { from: number, to: number, term: number, incarnation: fc.constant(INCARNATION) };
const member = fc.record({ id: number, incarnation: fc.string({ maxLength: 16 }) });
const members = fc.array(member, { maxLength: 4 });
const config = fc.record({
  incoming: members,
  outgoing: members,
  learners: members,
  plan: fc.nat(),
});
const type = <T extends Message['type']>(name: T) => ({ type: fc.constant(name), ...envelope });

const entries = fc.array(
  fc.record({
    term: number,
    kind: fc.constantFrom('normal' as const, 'empty' as const, 'config' as const),
    data: fc.uint8Array({ maxLength: 50 }),
  }),
  { maxLength: 5 },
);

const message: fc.Arbitrary<Message> = fc.oneof(
  ...(['vote-request', 'pre-vote-request'] as const).map((name) =>
    fc.record({ ...type(name), lastIndex: number, lastTerm: number, transfer: fc.boolean() }),
  ),
  ...(['vote-response', 'pre-vote-response'] as const).map((name) =>
    fc.record({ ...type(name), granted: fc.boolean() }),
  ),
  fc
    .record({
      ...type('append-request'),
      prevIndex: fc.nat(),
      prevTerm: number,
      commit: number,
      entries,
    })
    .map((request) => ({
      ...request,
      entries: request.entries.map((entry, i) => ({ index: request.prevIndex + 1 + i, ...entry })),
    })),
  fc.record({
    ...type('append-response'),
    index: number,
    rejected: fc.boolean(),
    hintIndex: number,
    hintTerm: number,
    quarantine: number,
  }),
  fc.record({ ...type('heartbeat'), commit: number, round: number }),
  fc.record({ ...type('heartbeat-response'), round: number, quarantine: number }),
  fc.record({
    ...type('snapshot-request'),
    snapshot: fc.record({ index: number, term: number, config }),
  }),
  fc.record({ ...type('read-index-request'), context: number, confirms: fc.boolean() }),
  fc.record({ ...type('commit-notice'), commit: number }),
  fc.record({
    ...type('read-index-response'),
    context: number,
    index: number,
    rejected: fc.boolean(),
  }),
  fc.record(type('timeout-now')),
);

function encoded(value: Message): Uint8Array {
  const writer = new ByteWriter();
  writeRaftMessage(writer, value);
  return writer.take();
}

describe('raft messages', () => {
  test('come back as they were, and nothing is left over', () => {
    fc.assert(
      fc.property(message, (value) => {
        const reader = new ByteReader(encoded(value));
        expect(readRaftMessage(reader, INCARNATION)).toEqual(value);
        reader.end();
      }),
      RUNS,
    );
  });

  test('[R7] carry the incarnation of the connection, whatever the sender wrote', () => {
    const bytes = encoded({ type: 'timeout-now', from: 1, to: 2, term: 3, incarnation: 'other' });
    expect(readRaftMessage(new ByteReader(bytes), INCARNATION).incarnation).toBe(INCARNATION);
  });

  test('[N1] cut or damaged bytes never do anything but throw MalformedError', () => {
    fc.assert(
      fc.property(message, fc.nat(), fc.nat(255), (value, at, byte) => {
        const bytes = encoded(value);
        const damaged = bytes.slice(0, 1 + (at % bytes.length));
        damaged[at % damaged.length] = byte;
        try {
          readRaftMessage(new ByteReader(damaged), INCARNATION);
        } catch (error) {
          expect(error).toBeInstanceOf(MalformedError);
        }
      }),
      RUNS,
    );
  });

  test('entries do not keep the frame alive: their bytes are their own', () => {
    const bytes = encoded({
      type: 'append-request',
      from: 1,
      to: 2,
      term: 3,
      incarnation: INCARNATION,
      prevIndex: 4,
      prevTerm: 3,
      commit: 4,
      entries: [{ index: 5, term: 3, kind: 'normal', data: Uint8Array.of(1, 2, 3) }],
    });
    const read = readRaftMessage(new ByteReader(bytes), INCARNATION);
    bytes.fill(0);
    expect(read).toMatchObject({ entries: [{ index: 5, data: Uint8Array.of(1, 2, 3) }] });
  });

  test('configurations come back as they were', () => {
    fc.assert(
      fc.property(config, (value) => {
        const writer = new ByteWriter();
        writeConfig(writer, value);
        expect(readConfig(new ByteReader(writer.take()))).toEqual(value);
      }),
      RUNS,
    );
  });
});
