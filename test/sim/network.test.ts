import { describe, expect, test } from 'vitest';
import { nodeHost } from '../../src/platform/index.ts';
import type { Connection, ConnectionHandler } from '../../src/ports/index.ts';
import { SimNetwork, type SimProcess, VirtualTime } from '../../src/sim/index.ts';

class Log implements ConnectionHandler {
  readonly events: string[] = [];
  bytes = 0;
  onOpen(): void {
    this.events.push('open');
  }
  onData(chunk: Uint8Array): void {
    this.events.push(`data ${chunk.join()}`);
    this.bytes += chunk.length;
  }
  onClose(reason: string): void {
    this.events.push(reason);
  }
}

async function setUp() {
  const time = new VirtualTime(nodeHost());
  const network = new SimNetwork(time, { seed: 1 });
  const a = time.process('a');
  let b: SimProcess = time.process('b');
  const server = new Log();
  const accepted: Connection[] = [];
  const listen = () =>
    network.on('b', b).listen('b:1', (connection) => {
      accepted.push(connection);
      return server;
    });
  const listener = await listen();
  const client = new Log();
  const connect = () => network.on('a', a).connect('b:1', client);
  const restart = () => {
    b = time.process('b again');
    return listen();
  };
  return { time, network, a, b: () => b, server, accepted, listener, client, connect, restart };
}

function bytesOf(log: Log): string {
  return log.events
    .filter((event) => event.startsWith('data'))
    .map((e) => e.slice(5))
    .join();
}

describe('the simulated network', () => {
  test('carries bytes in order, both ways, and the end after them', async () => {
    const { time, server, client, connect, accepted } = await setUp();
    const connection = connect();
    expect(client.events).toEqual([]);
    await time.pass(5);
    for (let i = 0; i < 40; i++) connection.send([Uint8Array.of(i), Uint8Array.of(i, i)]);
    accepted[0]?.send([Uint8Array.of(9)]);
    connection.close();
    connection.close();
    await time.pass(100);
    const sent = Array.from({ length: 40 }, (_, i) => [i, i, i]).flat();
    expect(bytesOf(server)).toBe(sent.join());
    expect([server.events[0], server.events.at(-1)]).toEqual(['open', 'closed']);
    expect(client.events.filter((event) => event === 'closed')).toHaveLength(1);
  });

  test('refuses where nobody listens, at once', async () => {
    const { time, client, connect, listener } = await setUp();
    await listener.close();
    connect();
    await time.pass(5);
    expect(client.events).toEqual(['refused']);
  });

  test('an address is taken only once, and free again after a kill', async () => {
    const { time, network, b, restart, connect, client } = await setUp();
    await expect(network.on('b', b()).listen('b:1', () => new Log())).rejects.toThrow(/in use/);
    b().kill();
    network.onKilled(b());
    await restart();
    connect();
    await time.pass(5);
    expect(client.events).toEqual(['open']);
  });

  test('[F10] what is sent into a cut arrives when it is mended', async () => {
    const { time, network, server, client, connect } = await setUp();
    const connection = connect();
    await time.pass(5);
    network.partition(['a'], ['b']);
    connection.send([Uint8Array.of(1)]);
    await time.pass(3_000);
    expect(server.bytes).toBe(0);
    network.heal();
    await time.pass(3_100);
    expect([server.bytes, client.events]).toEqual([1, ['open']]);
  });

  test('[F11] a cut in one direction lets the other through', async () => {
    const { time, network, server, client, connect, accepted } = await setUp();
    const connection = connect();
    await time.pass(5);
    network.cut('a', 'b');
    connection.send([Uint8Array.of(1)]);
    accepted[0]?.send([Uint8Array.of(2)]);
    await time.pass(100);
    expect([server.bytes, client.bytes]).toEqual([0, 1]);
  });

  test('[F10] to connect through a cut takes until the kernel tries again', async () => {
    const { time, network, client, connect } = await setUp();
    network.partition(['a'], ['b']);
    connect();
    await time.pass(4_000);
    network.heal();
    await time.pass(2_000);
    expect(client.events).toEqual([]); // tried after 0, 1 and 3 s; the next time after 7
    await time.pass(2_000);
    expect(client.events).toEqual(['open']);
  });

  test('[F18] a paused process accepts and takes a kernel buffer full, and no more', async () => {
    const { time, b, server, client, connect } = await setUp();
    b().pause();
    const connection = connect();
    await time.pass(5);
    expect([client.events, server.events]).toEqual([['open'], []]);
    for (let i = 0; i < 10; i++) connection.send([new Uint8Array(100_000)]);
    await time.pass(1_000);
    expect(connection.bufferedBytes).toBeGreaterThan(300_000);
    expect(server.bytes).toBe(0);
    b().resume();
    await time.pass(1_000);
    expect([connection.bufferedBytes, server.bytes]).toEqual([0, 1_000_000]);
  });

  test('a reader that pauses slows the writer down', async () => {
    const { time, server, connect, accepted } = await setUp();
    const connection = connect();
    await time.pass(5);
    accepted[0]?.pause();
    for (let i = 0; i < 10; i++) connection.send([new Uint8Array(100_000)]);
    await time.pass(1_000);
    expect(server.bytes).toBe(0);
    expect(connection.bufferedBytes).toBeGreaterThan(300_000);
    accepted[0]?.resume();
    await time.pass(1_000);
    expect(server.bytes).toBe(1_000_000);
  });

  test('[F17] a killed process closes its connections, one without power says nothing', async () => {
    const killed = await setUp();
    killed.connect();
    await killed.time.pass(5);
    killed.b().kill();
    killed.network.onKilled(killed.b());
    await killed.time.pass(5);
    expect(killed.client.events).toEqual(['open', 'closed']);

    const dark = await setUp();
    const connection = dark.connect();
    await dark.time.pass(5);
    dark.b().kill();
    dark.network.switchOff('b', dark.b());
    connection.send([Uint8Array.of(1)]);
    await dark.time.pass(60_000);
    expect(dark.client.events).toEqual(['open']);
    // Started again, the machine knows nothing of the connection.
    dark.network.switchOn('b');
    await dark.restart();
    await dark.time.pass(5);
    expect(dark.client.events).toEqual(['open', 'failed']);
    expect(dark.server.bytes).toBe(0);
  });
});
