import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter, MalformedError } from '../../src/bytes/index.ts';
import {
  type CommandResult,
  type DataCommand,
  decodeCommand,
  decodeResult,
  encodeCommand,
  encodeResult,
  type GroupReply,
  type GroupRequest,
  readGroupReply,
  readGroupRequest,
  stampCommand,
  writeGroupReply,
  writeGroupRequest,
} from '../../src/store/index.ts';
import { addOf, putOf, wholeTable } from '../support/world.ts';
import { write } from './machine.ts';

const RUNS = { seed: 1, numRuns: 300 };
const number = fc.oneof(fc.nat(200), fc.maxSafeNat());
const bytes = fc.uint8Array({ maxLength: 60 });
const text = fc.string({ maxLength: 20 });

const operation = fc.oneof(
  fc.tuple(text, text).map(([key, v]) => putOf(key, v)),
  text.map((key) => addOf(key, 3)),
  fc.constant({
    kind: 'delete' as const,
    returnValues: 'ALL_OLD' as const,
    condition: { kind: 'attribute_exists' as const, path: ['a', 2] as const },
    returnItemOnConditionFailure: true,
  }),
);

const hash = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((n) => n.toString(16).padStart(16, '0'));
const shardEpoch = fc.record({ shard: number, epoch: number });

const command: fc.Arbitrary<DataCommand> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    router: number,
    sequence: number,
    lowestUnanswered: number,
    deadline: number,
    shard: number,
    epoch: number,
    retry: fc.option(fc.uint8Array({ minLength: 16, maxLength: 16 }), { nil: undefined }),
    key: bytes,
    operation,
  }),
  fc.record({
    kind: fc.constantFrom('install-shard' as const, 'receive-shard' as const),
    shard: number,
    table: number,
    epoch: number,
    hashStart: hash,
    hashEnd: fc.oneof(hash, fc.constant('')),
    config: number,
  }),
  fc.record({
    kind: fc.constant('purge-shard' as const),
    shard: number,
    epoch: number,
    keys: number,
    config: number,
  }),
  fc.record({
    kind: fc.constant('split-shard' as const),
    shard: number,
    epoch: number,
    at: hash,
    into: fc.tuple(number, number),
    keys: number,
    config: number,
  }),
  fc.record({
    kind: fc.constant('merge-shards' as const),
    from: fc.tuple(shardEpoch, shardEpoch),
    into: number,
    config: number,
  }),
  fc.record({
    kind: fc.constantFrom('list-changes' as const, 'fence-shard' as const),
    shard: number,
    epoch: number,
  }),
  fc.record({
    kind: fc.constant('receive-part' as const),
    shard: number,
    epoch: number,
    number,
    from: fc.record({
      from: fc.option(bytes, { nil: undefined }),
      changes: number,
      generation: number,
      position: number,
      router: number,
      sequence: number,
    }),
    part: bytes,
  }),
);

const optionalBytes = fc.option(bytes, { nil: undefined });
const outcome = fc.oneof(
  fc.record({
    kind: fc.constant('written' as const),
    attributes: optionalBytes,
    sizeBefore: number,
    sizeAfter: number,
  }),
  fc.record({
    kind: fc.constant('condition-failed' as const),
    item: optionalBytes,
    sizeBefore: number,
  }),
  fc.record({ kind: fc.constant('invalid' as const), message: text }),
);

const result: fc.Arbitrary<CommandResult> = fc.oneof(
  fc.record({
    kind: fc.constant('done' as const),
    sessionTime: number,
    outcome: fc.option(outcome, { nil: undefined }),
  }),
  fc.record({
    kind: fc.constantFrom(
      'wrong-shard' as const,
      'expired' as const,
      'answered' as const,
      'sessions-full' as const,
    ),
    sessionTime: number,
  }),
);

const request: fc.Arbitrary<GroupRequest> = fc.oneof(
  fc.record({
    kind: fc.constant('write' as const),
    group: number,
    command: fc
      .tuple(number, text)
      .map(([sequence, key]) => encodeCommand(write(1, sequence, key))),
  }),
  fc.record({
    kind: fc.constant('read' as const),
    group: number,
    shard: number,
    epoch: number,
    key: bytes,
    consistent: fc.boolean(),
  }),
  fc
    .record({
      group: number,
      shard: number,
      epoch: number,
      consistent: fc.boolean(),
      reverse: fc.boolean(),
    })
    .map(({ group, shard, epoch, consistent, reverse }) => ({
      kind: 'page' as const,
      group,
      query: { shard, epoch, operation: wholeTable({ id: 5 } as never, { reverse }) },
      consistent,
    })),
  fc.record({ kind: fc.constant('statistics' as const), group: number, table: number }),
);

const reply: fc.Arbitrary<GroupReply> = fc.oneof(
  fc.record({ kind: fc.constant('result' as const), result: bytes }),
  fc.record({
    kind: fc.constant('item' as const),
    item: fc.option(fc.record({ size: fc.nat(400_000), json: bytes }), { nil: undefined }),
  }),
  fc.record({
    kind: fc.constant('page' as const),
    page: fc.record({
      items: fc.array(bytes, { maxLength: 4 }),
      count: number,
      scannedCount: number,
      bytesRead: number,
      lastKey: optionalBytes,
    }),
  }),
  fc.record({ kind: fc.constant('statistics' as const), items: number, bytes: number }),
  fc.record({ kind: fc.constant('not-leader' as const), leader: text }),
  fc.constantFrom({ kind: 'wrong-shard' }, { kind: 'overloaded' }, { kind: 'unknown' } as const),
);

function written<T>(write: (writer: ByteWriter, value: T) => void, value: T): Uint8Array {
  const writer = new ByteWriter();
  write(writer, value);
  return writer.take();
}

/** Cuts the bytes and changes one of those that are left. */
function damage(whole: Uint8Array, at: number, byte: number): Uint8Array {
  const damaged = whole.slice(0, 1 + (at % whole.length));
  damaged[at % damaged.length] = byte;
  return damaged;
}

describe('commands', () => {
  test('come back as they were, with the session time that the leader wrote in', () => {
    fc.assert(
      fc.property(command, number, (value, time) => {
        const encoded = encodeCommand(value);
        stampCommand(encoded, time);
        expect(decodeCommand(encoded)).toEqual({ sessionTime: time, command: value });
      }),
      RUNS,
    );
  });

  test('[F32] of another apply-version stop the replica', () => {
    const encoded = encodeCommand({ kind: 'fence-shard', shard: 1, epoch: 1 });
    encoded[0] = 5;
    expect(() => decodeCommand(encoded)).toThrow(/apply-version 5/);
  });
});

test('results come back as they were', () => {
  fc.assert(
    fc.property(result, (value) => {
      expect(decodeResult(encodeResult(value))).toEqual(value);
    }),
    RUNS,
  );
});

test('[F32] a command that could not be applied is refused before it is proposed', () => {
  const good = encodeCommand(write(1, 1, 'a key'));
  const badKey = encodeCommand(write(1, 1, '', { key: Uint8Array.of(1, 2, 3) }));
  const otherVersion = good.slice();
  otherVersion[0] = 1;
  const range = { shard: 1, table: 1, epoch: 1, config: 1, hashStart: 'x', hashEnd: '' };
  const badHash = encodeCommand({ kind: 'install-shard', ...range });
  for (const command of [badKey, badHash, otherVersion, good.subarray(0, good.length - 1)]) {
    const request = written(writeGroupRequest, { kind: 'write', group: 1, command });
    expect(() => readGroupRequest(new ByteReader(request))).toThrow(MalformedError);
  }
});

test('requests and replies come back as they were, in bytes of their own', () => {
  fc.assert(
    fc.property(request, reply, (asked, answered) => {
      const question = written(writeGroupRequest, asked);
      const read = readGroupRequest(new ByteReader(question));
      question.fill(0xee);
      expect(read).toEqual(asked);
      const answer = written(writeGroupReply, answered);
      const got = readGroupReply(new ByteReader(answer));
      answer.fill(0xee);
      expect(got).toEqual(answered);
    }),
    RUNS,
  );
});

test('[N1] damaged bytes never do anything but throw MalformedError', () => {
  const attempts: [string, fc.Arbitrary<Uint8Array>, (bytes: Uint8Array) => unknown][] = [
    ['command', command.map(encodeCommand), decodeCommand],
    ['result', result.map(encodeResult), decodeResult],
    [
      'request',
      request.map((value) => written(writeGroupRequest, value)),
      (b) => readGroupRequest(new ByteReader(b)),
    ],
    [
      'reply',
      reply.map((value) => written(writeGroupReply, value)),
      (b) => readGroupReply(new ByteReader(b)),
    ],
  ];
  for (const [name, whole, decode] of attempts) {
    fc.assert(
      fc.property(whole, fc.nat(), fc.nat(255), (encoded, at, byte) => {
        try {
          decode(damage(encoded, at, byte));
        } catch (error) {
          if (!(error instanceof MalformedError)) throw new Error(`${name}: ${error}`);
        }
      }),
      RUNS,
    );
  }
});
