import { describe, expect, test } from 'vitest';
import { ByteReader, ByteWriter } from '../../src/bytes/index.ts';
import type { PeerReply } from '../../src/node/peers.ts';
import { Relay } from '../../src/node/relay.ts';
import { NEVER } from '../../src/ports/index.ts';

const SERVICE = 1;
const RELAYED = 10;

/** What n3 says to a request of SERVICE, or what becomes of it; `ways`: who reaches whom. */
function fourNodes(answer: 'answered' | PeerReply, ways: readonly string[]) {
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
          else
            respond((writer) =>
              writer.text(`re ${payload.remaining > 0 ? payload.text() : 'nothing'}`),
            );
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
  const hears = () => relays.get('n1')?.hears('n3', SERVICE, 1_000);
  return { ask, asked, hears };
}

describe('[F11] a request to a node', () => {
  test('goes there where there is a way', () => {
    const { ask, asked } = fourNodes('answered', ['n1>n2', 'n1>n3', 'n2>n3']);
    expect(ask()).toBe('re x');
    expect(asked).toEqual(['n1 asks n3 for 1, 1000.5 ms']);
  });

  test('goes by way of another where there is none', () => {
    const { ask, asked } = fourNodes('answered', ['n1>n2', 'n2>n3']);
    expect(ask()).toBe('re x');
    expect(asked).toEqual(['n1 asks n2 for 10, 1000.5 ms', 'n2 asks n3 for 1, 1001 ms']);
  });

  test.each(['down', 'congested', undefined] as const)(
    'and what became of it comes back: %s',
    (what) => {
      const { ask } = fourNodes(what, ['n1>n2', 'n2>n3']);
      expect(ask()).toBe(what);
    },
  );

  test('goes by way of each in turn until one knows the way, which is remembered, and never by two', () => {
    const { ask, asked } = fourNodes('answered', ['n1>n2', 'n1>n4', 'n2>n4', 'n4>n3']);
    const byN2 = ['n1 asks n2 for 10, 1000.5 ms', 'n2 asks n3 for 1, 1001 ms'];
    const byN4 = ['n1 asks n4 for 10, 1000.5 ms', 'n4 asks n3 for 1, 1001 ms'];
    expect([ask(), ask(), ask()]).toEqual(['re x', 're x', 're x']);
    expect(asked).toEqual([...byN2, ...byN4, ...byN4, ...byN4]);
  });

  test('goes by another way when the one that was known is there no more', () => {
    const ways = ['n1>n2', 'n1>n4', 'n2>n3', 'n4>n3'];
    const { ask, asked } = fourNodes('answered', ways);
    ask();
    ways.splice(ways.indexOf('n2>n3'), 1);
    expect([ask(), ask()]).toEqual(['re x', 're x']);
    expect(asked.filter((line) => line.startsWith('n1 asks n2'))).toHaveLength(2);
  });

  test.each([
    ['itself', ['n1>n3'], 'answered', true],
    ['one of those that it reaches', ['n1>n2', 'n1>n4', 'n4>n3'], 'answered', true],
    ['nobody', ['n1>n2', 'n1>n4', 'n2>n4'], 'answered', false],
    ['one that waits in vain', ['n1>n2', 'n2>n3'], undefined, false],
  ] as const)('a node is heard by %s: %j', async (_, ways, answer, isHeard) => {
    const { hears } = fourNodes(answer, ways);
    expect(await hears()).toBe(isHeard);
  });

  test('is not sent where nobody is reached', () => {
    const { ask } = fourNodes('answered', []);
    expect(ask()).toBe('down');
  });
});
