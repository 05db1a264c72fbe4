import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { Exchange } from '../../src/http/exchange.ts';
import { HEADER_NAMES } from '../../src/http/request.ts';
import { HttpListener } from '../../src/http/server.ts';
import { type Draw, drawFrom, mutatedRequest, pieces, plainRequest, render } from './mutations.ts';

// The fast path and node:http alone get the same bytes: what they read must be the same.

const ROUNDS = Number(process.env['FLOTILLA_FUZZ_ROUNDS'] ?? 1_000);
const FIRST_SEED = Number(process.env['FLOTILLA_FUZZ_SEED'] ?? 1);
/** Cases that run at the same time, each with listeners of its own. */
const LANES = 6;

/** A connection that is quiet for so long after its last byte hangs. */
const QUIET_MS_MAX = 4_000;

interface Recorder {
  readonly port: number;
  /** Requests since the last `clear`. */
  readonly requests: unknown[];
  /** How many of all requests came by the fast path. */
  fast: number;
  all: number;
  close(): Promise<void>;
}

async function startRecorder(fastPath: boolean): Promise<Recorder> {
  const events: string[] = [];
  const listener = new HttpListener({
    address: '127.0.0.1:0',
    fastPath,
    random: { uint32: () => 0, fill: () => {} },
    log: (event) => events.push(event),
    handler: () => (request, responder) => {
      const { method, path, query } = request;
      const headers = HEADER_NAMES.map((name) => request.header(name));
      const body = Buffer.from(request.body).toString('latin1');
      recorder.requests.push({ method, path, query, headers, body });
      recorder.all++;
      if (request instanceof Exchange) recorder.fast++;
      responder.respond({ status: 200, contentType: 'text/plain', body: Buffer.from('ok') });
    },
  });
  const server = await listener.start();
  const recorder: Recorder = {
    port: Number(server.address.split(':').at(-1)),
    requests: [],
    fast: 0,
    all: 0,
    close: async () => {
      await server.close();
      expect(events).toEqual([]);
    },
  };
  return recorder;
}

/** Sends the pieces, says that nothing follows, and gives what was read and the statuses of the answers. */
async function readings(recorder: Recorder, sent: readonly Buffer[]) {
  recorder.requests.length = 0;
  const socket = connect({ port: recorder.port, host: '127.0.0.1', noDelay: true });
  let answers = '';
  let isOpen = true;
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      isOpen = false;
      resolve();
    });
    socket.setTimeout(QUIET_MS_MAX, resolve);
  });
  socket.setEncoding('latin1').on('data', (chunk) => {
    answers += chunk;
  });
  socket.on('error', () => {});
  for (const piece of sent) {
    socket.write(piece);
    if (sent.length > 1) await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end();
  await closed;
  const statuses = [...answers.matchAll(/HTTP\/1\.1 (\d{3})/g)].map(([, status]) => status);
  socket.destroy();
  return { requests: [...recorder.requests], statuses, isOpen };
}

function bytesOfCase(draw: Draw): string {
  let text = '';
  for (let count = 1 + draw(3); count > 0; count--) {
    text += draw(3) === 0 ? render(plainRequest(draw)) : mutatedRequest(draw);
  }
  return text;
}

test(
  `[H1] [H3] the fast path reads what node:http reads, ${ROUNDS} cases from seed ${FIRST_SEED}`,
  async () => {
    const totals = { fast: 0, all: 0 };
    let next = FIRST_SEED;
    const lane = async () => {
      const [both, alone] = [await startRecorder(true), await startRecorder(false)];
      while (next < FIRST_SEED + ROUNDS) {
        const seed = next++;
        const draw = drawFrom(seed);
        const sent = pieces(bytesOfCase(draw), draw);
        const [found, expected] = [await readings(both, sent), await readings(alone, sent)];
        if (JSON.stringify(found) === JSON.stringify({ ...expected, isOpen: false })) continue;
        const shown = { seed, sent: sent.map((piece) => piece.toString('latin1').slice(0, 2_000)) };
        expect({ ...shown, ...found }).toEqual({ ...shown, ...expected, isOpen: false });
      }
      totals.fast += both.fast;
      totals.all += both.all;
      await Promise.all([both.close(), alone.close()]);
    };
    await Promise.all(Array.from({ length: LANES }, lane));
    if (totals.all < 100) return;
    // Otherwise this would compare node:http with itself.
    expect(totals.fast).toBeGreaterThan(0.4 * totals.all);
    expect(totals.fast).toBeLessThan(0.9 * totals.all);
  },
  Math.max(60_000, 10 * ROUNDS),
);
