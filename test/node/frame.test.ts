import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteWriter, MalformedError } from '../../src/bytes/index.ts';
import {
  FRAME_BODY_BYTES_MAX,
  FRAME_HEADER_BYTES,
  FrameReader,
  FrameWriter,
} from '../../src/node/frame.ts';
import { headerOf } from './frame-header.ts';

const CLUSTER = '0123456789abcdef';
const RUNS = { seed: 1, numRuns: 100 };
const messages = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 });

function frameOf(bodies: readonly Uint8Array[]): Uint8Array {
  const writer = new FrameWriter();
  for (const body of bodies) {
    writer.begin().raw(body);
    writer.end();
  }
  return writer.take(CLUSTER);
}

/** Feeds the bytes in chunks of the given sizes, which repeat; returns the messages of all frames. */
function readAll(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const reader = new FrameReader();
  const read: Uint8Array[] = [];
  let at = 0;
  for (let i = 0; at < bytes.length; i++) {
    const end = at + (sizes[i % sizes.length] ?? 1);
    reader.read(bytes.subarray(at, end), ({ clusterId, messages }) => {
      expect(clusterId).toBe(CLUSTER);
      for (const message of messages) read.push(message.raw(message.remaining).slice());
    });
    at = end;
  }
  return read;
}

describe('frames', () => {
  test('[N1] come out as they went in, however the stream is cut', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(fc.array(messages, { maxLength: 4 }), sizes, (frames, chunks) => {
        const parts = frames.map(frameOf);
        const stream = new ByteWriter();
        for (const part of parts) stream.raw(part);
        expect(readAll(stream.take(), chunks)).toEqual(frames.flat());
      }),
      RUNS,
    );
  });

  test('[N1] [F13] a flipped bit anywhere is found, and never makes a reader wait for more', () => {
    const frame = frameOf([Uint8Array.of(1, 2, 3), new Uint8Array(40).fill(7)]);
    for (let bit = 0; bit < 8 * frame.length; bit++) {
      // The byte after the version is not used yet; its flip is found by the header's checksum like any other.
      const damaged = frame.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => readAll(damaged, [damaged.length])).toThrow(MalformedError);
    }
  });

  test('[N1] a frame that ends early gives no message', () => {
    const frame = frameOf([new Uint8Array(100).fill(1)]);
    for (let length = 0; length < frame.length; length++) {
      expect(readAll(frame.subarray(0, length), [17])).toEqual([]);
    }
  });

  test('[N1] the length is believed only up to a limit, and before anything is allocated', () => {
    const reader = new FrameReader();
    const read = (header: Uint8Array) => () => reader.read(header, () => {});
    expect(read(headerOf(FRAME_BODY_BYTES_MAX + 1))).toThrow(/frame of/);
    expect(() => new FrameReader().read(headerOf(0xffffffff), () => {})).toThrow(/frame of/);
    expect(() => new FrameReader().read(headerOf(FRAME_BODY_BYTES_MAX), () => {})).not.toThrow();
  });

  test('[N1] other protocols and versions are refused', () => {
    expect(() => new FrameReader().read(headerOf(0, 1), () => {})).toThrow(/protocol version 1/);
    expect(() => new FrameReader().read(headerOf(0, 1, 0x1603), () => {})).toThrow(
      /not a flotilla node/,
    );
    const http = new TextEncoder().encode('GET / HTTP/1.1\r\nHost: example\r\n\r\n');
    expect(() => new FrameReader().read(http, () => {})).toThrow(MalformedError);
  });

  test('[N1] noise never does anything but throw MalformedError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: FRAME_HEADER_BYTES, maxLength: 200 }), (noise) => {
        expect(() => new FrameReader().read(noise, () => {})).toThrow(MalformedError);
      }),
      RUNS,
    );
  });

  test('an empty frame is a keep-alive', () => {
    let frames = 0;
    const reader = new FrameReader();
    reader.read(new FrameWriter().take(CLUSTER), ({ messages }) => {
      expect([...messages]).toEqual([]);
      frames++;
    });
    expect(frames).toBe(1);
  });
});
