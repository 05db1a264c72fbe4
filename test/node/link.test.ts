import { describe, expect, test } from 'vitest';
import type { ByteReader } from '../../src/bytes/index.ts';
import { NO_CLUSTER } from '../../src/node/frame.ts';
import { type Hello, Link, type LinkHandler, type Refusal } from '../../src/node/link.ts';
import { nodeHost } from '../../src/platform/index.ts';
import type { Connection } from '../../src/ports/index.ts';
import type { Message } from '../../src/raft/index.ts';
import { VirtualTime } from '../../src/sim/index.ts';

const CLUSTER = '00000000000000aa';

class TestConnection implements Connection {
  readonly sent: Uint8Array[] = [];
  bufferedBytes = 0;
  isClosed = false;
  send(chunks: readonly Uint8Array[]): void {
    this.sent.push(...chunks);
  }
  pause(): void {}
  resume(): void {}
  close(): void {
    this.isClosed = true;
  }
}

class Side {
  readonly connection = new TestConnection();
  readonly events: string[] = [];
  readonly link: Link;
  refuse: Refusal | undefined;

  constructor(time: VirtualTime, name: string, clusterId = CLUSTER) {
    const handler: LinkHandler = {
      onHello: (hello) => {
        this.events.push(`hello ${hello.name}`);
        return this.refuse;
      },
      onRefusal: ({ reason }) => this.events.push(`refused: ${reason}`),
      onOtherProtocol: (version) => this.events.push(`speaks ${version}`),
      onRaft: (group, message) => this.events.push(`raft ${group} ${message.type}`),
      onRequest: (service, payload, respond) => {
        const text = payload.text();
        this.events.push(`request ${service} ${text}`);
        if (text !== 'silence') respond((writer) => writer.text(`re ${text}`));
      },
      onDown: (refused) => this.events.push(refused ? 'down, refused' : 'down'),
      onSilent: () => this.events.push('silent'),
      onQueued: () => {},
    };
    this.link = new Link(time.process(name).clock, this.connection, clusterId, handler);
    this.link.sendHello(helloOf(name, clusterId));
  }

  /** Everything that this side sent, to the other side. */
  deliver(to: Side): void {
    this.link.flush();
    for (const chunk of this.connection.sent.splice(0)) to.link.onData(chunk);
  }
}

function helloOf(name: string, clusterId: string): Hello {
  const hello = { name, incarnation: `i-${name}`, listHash: '', clusterId };
  return { ...hello, stream: 'main', http: '', peer: '', zone: '' };
}

function pair(clusterB = CLUSTER) {
  const time = new VirtualTime(nodeHost());
  const a = new Side(time, 'a');
  const b = new Side(time, 'b', clusterB);
  a.deliver(b);
  b.deliver(a);
  return { time, a, b };
}

function ask(side: Side, text: string, timeoutMs = 5_000): (string | undefined)[] {
  const answers: (string | undefined)[] = [];
  const settle = (reply: ByteReader | undefined) => answers.push(reply?.text());
  const taken = side.link.request(7, (writer) => writer.text(text), timeoutMs, settle);
  return taken ? answers : ['congested'];
}

const HEARTBEAT: Message = {
  type: 'heartbeat',
  from: 1,
  to: 2,
  term: 1,
  incarnation: 'i-a',
  commit: 0,
  round: 0,
};

describe('a link', () => {
  test('answers requests, each exactly once', () => {
    const { a, b } = pair();
    const first = ask(a, 'one');
    const second = ask(a, 'two');
    a.deliver(b);
    b.deliver(a);
    a.link.close();
    expect([first, second]).toEqual([['re one'], ['re two']]);
  });

  test('tells everybody who waits when the connection breaks, and nobody twice', () => {
    const { a, b } = pair();
    const waits = ask(a, 'silence');
    a.deliver(b);
    a.link.onClose(false);
    a.link.close();
    expect(waits).toEqual([undefined]);
    expect(a.events.filter((event) => event === 'down')).toHaveLength(1);
    expect(a.link.isUp).toBe(false);
  });

  test('[R10] takes a second of silence for a stall, and five for the end', async () => {
    const { time, a, b } = pair();
    const waits = ask(a, 'silence', 60_000);
    a.deliver(b);
    const tick = async (times: number) => {
      for (let i = 0; i < times; i++) {
        await time.pass(250);
        a.link.tick();
      }
    };
    await tick(4);
    expect([a.link.isUp, waits]).toEqual([true, []]);
    await tick(1);
    expect([a.link.isUp, waits]).toEqual([false, [undefined]]);
    b.link.tick();
    b.link.tick();
    b.deliver(a);
    expect(a.link.isUp).toBe(true);
    await tick(21);
    expect(a.connection.isClosed).toBe(true);
    expect(a.events).toContain('down');
  });

  test('[R10] a late tick is a stall of its own, and not the silence of the peer', async () => {
    const { time, a } = pair();
    await time.pass(30_000);
    a.link.tick();
    expect(a.connection.isClosed).toBe(false);
    expect(a.link.isUp).toBe(true);
  });

  test('a request that nobody answers ends with its time', async () => {
    const { time, a, b } = pair();
    const waits = ask(a, 'silence', 700);
    for (let i = 0; i < 4; i++) {
      await time.pass(250);
      a.link.tick();
      b.link.tick();
      a.deliver(b);
      b.deliver(a);
    }
    expect(waits).toEqual([undefined]);
    expect(a.link.isUp).toBe(true);
  });

  test('[S4] refuses requests and drops raft messages while too much waits to be sent', () => {
    const { a, b } = pair();
    a.connection.bufferedBytes = 65 * 1024 * 1024;
    expect(ask(a, 'one')).toEqual(['congested']);
    a.link.sendRaft(1, HEARTBEAT);
    a.deliver(b);
    expect(b.events).toEqual(['hello a']);
    a.connection.bufferedBytes = 0;
    a.link.sendRaft(1, HEARTBEAT);
    a.deliver(b);
    expect(b.events).toEqual(['hello a', 'raft 1 heartbeat']);
  });

  test('[C7] a refused peer is told why, and nothing else is taken from it', () => {
    const time = new VirtualTime(nodeHost());
    const a = new Side(time, 'a');
    const b = new Side(time, 'b');
    b.refuse = { reason: 'no', isFinal: false };
    a.deliver(b);
    b.deliver(a);
    expect(a.events).toEqual(['hello b', 'refused: no', 'down']);
    a.link.flush();
    expect(b.link.peer).toBeUndefined();
  });

  test('[N1] [C7] raft messages of another cluster close the connection; before this node is formed they are dropped', () => {
    const other = pair('00000000000000bb');
    other.a.link.sendRaft(1, HEARTBEAT);
    other.a.deliver(other.b);
    expect(other.b.events).toEqual(['hello a', 'down']);

    const unformed = pair(NO_CLUSTER);
    unformed.a.link.sendRaft(1, HEARTBEAT);
    unformed.a.deliver(unformed.b);
    expect(unformed.b.events).toEqual(['hello a']);
    unformed.b.link.joinCluster(CLUSTER);
    unformed.a.link.sendRaft(1, HEARTBEAT);
    unformed.a.deliver(unformed.b);
    expect(unformed.b.events).toEqual(['hello a', 'raft 1 heartbeat']);
  });

  test('[N1] whatever is malformed closes the connection, and ends what waits', () => {
    const { a } = pair();
    const waits = ask(a, 'one');
    a.link.onData(new Uint8Array(100).fill(1));
    expect(a.connection.isClosed).toBe(true);
    expect(waits).toEqual([undefined]);
    expect(a.events.at(-1)).toBe('down');
  });

  test('[N1] an answer that cannot be read counts as none', () => {
    const { a, b } = pair();
    const answers: (string | undefined)[] = [];
    a.link.request(
      7,
      (writer) => writer.text('one'),
      5_000,
      (reply) => {
        if (reply) reply.raw(1_000);
        answers.push(undefined);
      },
    );
    a.deliver(b);
    b.deliver(a);
    expect(answers).toEqual([undefined]);
    expect(a.connection.isClosed).toBe(true);
  });

  test('a message before the hello closes the connection', () => {
    const time = new VirtualTime(nodeHost());
    const a = new Side(time, 'a');
    const b = new Side(time, 'b');
    b.deliver(a);
    a.connection.sent.length = 0; // the hello is lost
    a.link.sendRaft(1, HEARTBEAT);
    a.deliver(b);
    expect(b.events).toEqual(['down']);
  });
});
