import { describe, expect, test } from 'vitest';
import type { ByteReader } from '../../src/bytes/index.ts';
import type { Hello, Stream } from '../../src/node/link.ts';
import { Peers } from '../../src/node/peers.ts';
import { nodeHost } from '../../src/platform/index.ts';
import { NEVER, type Network } from '../../src/ports/index.ts';
import type { Endpoint } from '../../src/sim/endpoint.ts';
import { SimNetwork, type SimProcess, SimRandom, VirtualTime } from '../../src/sim/index.ts';
import { headerOf } from './frame-header.ts';

const CLUSTER = '00000000000000aa';
const SERVICE = 9;

function helloOf(name: string): Hello {
  const who = { name, incarnation: `i-${name}`, http: '', peer: `${name}:7000`, zone: '' };
  return { ...who, stream: 'main', listHash: '', clusterId: CLUSTER };
}

/** Answers each request with its own text, except `silence`. */
class Side {
  readonly events: string[] = [];
  readonly process: SimProcess;
  readonly peers: Peers;
  /** Those that others have opened. */
  readonly taken: Endpoint[] = [];

  constructor(time: VirtualTime, network: SimNetwork, name: string) {
    this.process = time.process(name);
    const { clock } = this.process;
    const inner = network.on(name, this.process);
    const counting: Network = {
      connect: inner.connect,
      listen: (address, accept) =>
        inner.listen(address, (connection) => {
          this.taken.push(connection as Endpoint);
          return accept(connection);
        }),
    };
    this.peers = new Peers({
      self: name,
      clock,
      random: new SimRandom(1, name),
      network: counting,
      handler: {
        onHello: () => undefined,
        onRefusal: (peer) => this.events.push(`refused by ${peer}`),
        onOtherProtocol: (peer, version) => this.events.push(`${peer} speaks ${version}`),
        onUp: (hello) => this.events.push(`up ${hello.name}`),
        onRaft: () => {},
        onRequest: (from, service, payload, respond) => {
          const text = payload.text();
          this.events.push(`${from} asks ${service} ${text}`);
          if (text !== 'silence') respond((writer) => writer.text(`re ${text}`));
        },
        onSilent: (peer) => this.events.push(`silent ${peer}`),
        onDown: (peer) => this.events.push(`down ${peer}`),
      },
      hello: () => helloOf(name),
      onQueued: () => clock.endOfTurn(() => this.peers.flush()),
      buggify: NEVER,
    });
  }

  ask(text: string, stream: Stream, to = 'a'): (string | undefined)[] {
    const answers: (string | undefined)[] = [];
    const settle = (reply: ByteReader | string | undefined) =>
      answers.push(typeof reply === 'object' ? reply.text() : reply);
    this.peers.request(to, SERVICE, (writer) => writer.text(text), 5_000, settle, stream);
    return answers;
  }
}

async function pair() {
  const time = new VirtualTime(nodeHost());
  const network = new SimNetwork(time, { seed: 1 });
  const a = new Side(time, network, 'a');
  const b = new Side(time, network, 'b');
  for (const [name, { peers }] of Object.entries({ a, b })) {
    await time.settle(peers.start(`${name}:7000`), 1_000);
    peers.follow(['a', 'b'].map((other) => ({ name: other, address: `${other}:7000` })));
  }
  await time.runUntil(() => a.peers.isUp('b') && b.peers.isUp('a'), 5_000);
  await time.pass(100);
  a.events.length = 0;
  b.events.length = 0;
  return { time, network, a, b };
}

describe('what is large', () => {
  test('[C3] [E3] has a connection of its own, which is there as long as it is used', async () => {
    const { time, a, b } = await pair();
    const before = a.taken.length;
    const first = [b.ask('one', 'bulk'), b.ask('two', 'bulk'), b.ask('three', 'main')];
    await time.pass(100);
    expect(first).toEqual([['re one'], ['re two'], ['re three']]);
    expect(a.taken.length).toBe(before + 1);
    for (let i = 0; i < 5; i++) {
      await time.pass(8_000);
      const again = b.ask('more', 'bulk');
      await time.pass(100);
      expect(again).toEqual(['re more']);
    }
    expect(a.taken.length).toBe(before + 1);
    await time.pass(11_000);
    const later = b.ask('later', 'bulk');
    await time.pass(100);
    expect(later).toEqual(['re later']);
    expect(a.taken.length).toBe(before + 2);
    expect([...a.events, ...b.events].filter((event) => !event.startsWith('b asks'))).toEqual([]);
  });

  test('[C3] goes either way, whoever dials for the rest', async () => {
    const { time, a, b } = await pair();
    const before = b.taken.length;
    const answers = [a.ask('one', 'bulk', 'b'), b.ask('two', 'bulk')];
    await time.pass(100);
    expect(answers).toEqual([['re one'], ['re two']]);
    expect(b.taken.length).toBe(before + 1);
  });

  test('[C3] a connection that breaks takes with it what waits, and nothing of the other one', async () => {
    const { time, network, a, b } = await pair();
    const waits = b.ask('silence', 'bulk');
    const other = b.ask('silence', 'main');
    await time.pass(100);
    const lost = b.ask('lost', 'bulk');
    network.onArrival = ({ bytes, breakConnection }) => {
      if (Buffer.from(bytes).includes('lost')) breakConnection();
    };
    await time.pass(500);
    expect([waits, lost, other]).toEqual([[undefined], [undefined], []]);
    expect(a.peers.isUp('b') && b.peers.isUp('a')).toBe(true);
    network.onArrival = undefined;
    const again = b.ask('again', 'bulk');
    await time.pass(100);
    expect(again).toEqual(['re again']);
    expect(b.events).toEqual([]);
  });

  test('[C3] ends with the connection that tells whether the peer is there', async () => {
    const { time, network, b } = await pair();
    const waits = b.ask('silence', 'bulk');
    const lost = b.ask('lost', 'main');
    network.onArrival = ({ bytes, breakConnection }) => {
      if (Buffer.from(bytes).includes('lost')) breakConnection();
    };
    await time.runUntil(() => lost.length > 0, 1_000);
    expect([waits, lost]).toEqual([[undefined], [undefined]]);
    expect(b.ask('now', 'bulk')).toEqual(['down']);
    network.onArrival = undefined;
    await time.runUntil(() => b.peers.isUp('a'), 5_000);
    const again = b.ask('again', 'bulk');
    await time.pass(100);
    expect(again).toEqual(['re again']);
  });

  test('[C3] one that says nothing more is given up, and the next request dials anew', async () => {
    const { time, a, b } = await pair();
    expect(b.ask('one', 'bulk')).toEqual([]);
    await time.pass(100);
    const before = a.taken.length;
    const waits = b.ask('silence', 'bulk');
    await time.pass(5_500);
    expect(waits).toEqual([undefined]);
    await time.pass(5_000);
    const again = b.ask('again', 'bulk');
    await time.pass(100);
    expect([again, a.taken.length]).toEqual([['re again'], before + 1]);
  });

  test('[C3] whoever was dialed lets go of one, too, when the other side is gone without a word', async () => {
    const { time, network, a, b } = await pair();
    b.ask('one', 'bulk');
    await time.pass(100);
    const bulk = a.taken.at(-1);
    // The main connection is given up long before: the other side may be there yet, and in the middle of a large answer.
    network.switchOff('b', b.process);
    await time.pass(19_000);
    expect([a.peers.isUp('b'), bulk?.isOpen]).toEqual([false, true]);
    await time.pass(2_000);
    expect(bulk?.isOpen).toBe(false);
  });
});

test('[C7] a node of another build is named once, not at each try', async () => {
  const { time, network, a } = await pair();
  let dials = 0;
  const stranger = network.on('c', time.process('c'));
  const listening = stranger.listen('c:7000', (connection) => {
    dials++;
    connection.send([headerOf(0, 4)]);
    return { onOpen: () => {}, onData: () => {}, onClose: () => {} };
  });
  await time.settle(listening, 1_000);
  a.peers.follow(['a', 'b', 'c'].map((name) => ({ name, address: `${name}:7000` })));
  await time.runUntil(() => dials >= 3, 10_000);
  expect(a.events.filter((event) => event !== 'down c')).toEqual(['c speaks 4']);
  expect(a.peers.isUp('c')).toBe(false);
});

test('[B3] a crowd that never says who it is keeps few connections, and a node is heard all the same', async () => {
  const { time, network, a, b } = await pair();
  const stranger = network.on('c', time.process('c'));
  const crowd = { onOpen: () => {}, onData: () => {}, onClose: () => {} };
  const before = a.taken.length;
  for (let i = 0; i < 200; i++) stranger.connect('a:7000', crowd);
  await time.pass(100);
  const isOpen = a.taken.slice(before).filter((one) => one.isOpen);
  expect([a.taken.length - before, isOpen.length]).toEqual([200, 64]);

  a.peers.follow([]);
  await time.pass(10);
  expect(a.peers.isUp('b')).toBe(false);
  a.peers.follow(['a', 'b'].map((name) => ({ name, address: `${name}:7000` })));
  expect(await time.runUntil(() => a.peers.isUp('b') && b.peers.isUp('a'), 2_000)).toBe(true);
  await time.pass(6_000);
  expect(a.taken.slice(before).filter((one) => one.isOpen && one.peer?.machine === 'c')).toEqual(
    [],
  );
});
