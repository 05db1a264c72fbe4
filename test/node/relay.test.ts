import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../src/bytes/index.ts';
import type { PeerReply } from '../../src/node/peers.ts';
import { Relay } from '../../src/node/relay.ts';
import { NEVER } from '../../src/ports/index.ts';

const SERVICE = 1;
const RELAYED = 10;

/** What n3 says to a request of SERVICE, or what becomes of it; `ways`: who reaches whom. */
function threeNodes(answer: 'answered' | PeerReply, ways: readonly string[]) {
  const asked: string[] = [];
  const bytesOf = (write: (writer: ByteWriter) => void): ByteReader => {
    const writer = new ByteWriter();
    write(writer);
    return new ByteReader(writer.take());
  };
  const relays = new Map<string, Relay>();
  const relayOn = (self: string): Relay => {
    const isUp = (name: string) => ways.includes(`${self}>${name}`);
    return new Relay({
      peers: {
        isUp,
        request: (to, service, write, timeoutMs, settle) => {
          asked.push(`${self} asks ${to} for ${service}, ${timeoutMs} ms`);
          const respond = (reply: (writer: ByteWriter) => void) => settle(bytesOf(reply));
          const payload = bytesOf(write);
          if (!isUp(to)) settle('down');
          else if (service === RELAYED) relays.get(to)?.onRequest(payload, respond);
          else if (answer !== 'answered') settle(answer);
          else respond((writer) => writer.text(`re ${payload.text()}`));
        },
      },
      service: RELAYED,
      nodes: () => ['n1', 'n2', 'n3', 'n4'],
      buggify: NEVER,
    });
  };
  for (const name of ['n1', 'n2', 'n3', 'n4']) relays.set(name, relayOn(name));
  const ask = (): string | undefined => {
    const replies: (string | undefined)[] = [];
    const settle = (reply: PeerReply) =>
      replies.push(typeof reply === 'object' ? reply.text() : reply);
    relays.get('n1')?.request('n3', SERVICE, (writer) => writer.text('x'), 1_000.5, settle);
    expect(replies).toHaveLength(1);
    return replies[0];
  };
  return { ask, asked };
}

describe('[F11] a request to a node', () => {
  test('goes there where there is a way', () => {
    const { ask, asked } = threeNodes('answered', ['n1>n2', 'n1>n3', 'n2>n3']);
    expect(ask()).toBe('re x');
    expect(asked).toEqual(['n1 asks n3 for 1, 1000.5 ms']);
  });

  test('goes by way of another where there is none', () => {
    const { ask, asked } = threeNodes('answered', ['n1>n2', 'n2>n3']);
    expect(ask()).toBe('re x');
    expect(asked).toEqual(['n1 asks n2 for 10, 1000.5 ms', 'n2 asks n3 for 1, 1001 ms']);
  });

  test.each(['down', 'congested', undefined] as const)(
    'and what became of it comes back: %s',
    (what) => {
      const { ask } = threeNodes(what, ['n1>n2', 'n2>n3']);
      expect(ask()).toBe(what);
    },
  );

  test('goes by way of each in turn, and never by two', () => {
    const { ask, asked } = threeNodes('answered', ['n1>n2', 'n1>n4', 'n2>n4', 'n4>n3']);
    expect([ask(), ask()]).toEqual(['down', 're x']);
    expect(asked).toEqual([
      'n1 asks n2 for 10, 1000.5 ms',
      'n2 asks n3 for 1, 1001 ms',
      'n1 asks n4 for 10, 1000.5 ms',
      'n4 asks n3 for 1, 1001 ms',
    ]);
  });

  test('is not sent where nobody is reached', () => {
    const { ask } = threeNodes('answered', []);
    expect(ask()).toBe('down');
  });
});
