import type { IncomingMessage } from 'node:http';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import type { ByteLease } from './byte-budget.ts';
import { Collector } from './collector.ts';
import { errorReply } from './errors.ts';
import type { HttpReply } from './request.ts';

export type BodyResult =
  | { readonly kind: 'body'; readonly body: Uint8Array }
  | { readonly kind: 'refused'; readonly reply: HttpReply }
  /** The client is gone. */
  | { readonly kind: 'aborted' };

const inflate = promisify(gunzip);

/** The whole body of a request, inflated, never more than `bytesMax` of it. */
export async function readBody(
  message: IncomingMessage,
  lease: ByteLease,
  bytesMax: number,
): Promise<BodyResult> {
  const encoding = message.headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding !== 'identity' && encoding !== 'gzip') {
    const text = 'Content-Encoding must be gzip or identity';
    return refused(errorReply('MalformedHttpRequestException', text));
  }
  if (Number(message.headers['content-length'] ?? 0) > bytesMax) return tooLarge(bytesMax);
  const result = await collect(message, lease, bytesMax);
  if (result.kind !== 'body' || encoding === 'identity') return result;
  return inflated(result.body, lease, bytesMax);
}

function collect(
  message: IncomingMessage,
  lease: ByteLease,
  bytesMax: number,
): Promise<BodyResult> {
  return new Promise((resolve) => {
    const collector = new Collector();
    const settle = (result: BodyResult) => {
      message.off('data', onData).off('end', onEnd).off('error', onAborted).off('close', onAborted);
      // Later errors of this message are of no interest, but must have a listener.
      message.on('error', () => {});
      resolve(result);
    };
    const onData = (chunk: Buffer) => {
      if (collector.length + chunk.length > bytesMax) settle(tooLarge(bytesMax));
      else if (!lease.take(chunk.length)) settle(refused(busy()));
      else collector.append(chunk);
    };
    const onEnd = () => settle({ kind: 'body', body: collector.bytes() });
    const onAborted = () => settle({ kind: 'aborted' });
    message.on('data', onData).on('end', onEnd).on('error', onAborted).on('close', onAborted);
  });
}

/** zlib stops at the limit, whatever the stream claims to hold (B1). */
async function inflated(body: Uint8Array, lease: ByteLease, bytesMax: number): Promise<BodyResult> {
  try {
    const content = await inflate(body, { maxOutputLength: bytesMax });
    return lease.take(content.length) ? { kind: 'body', body: content } : refused(busy());
  } catch (error) {
    if (error instanceof RangeError) return tooLarge(bytesMax);
    return refused(
      errorReply('MalformedHttpRequestException', 'The request body is not valid gzip'),
    );
  }
}

function tooLarge(bytesMax: number): BodyResult {
  const text = `Request body is larger than ${bytesMax} bytes`;
  return refused(errorReply('RequestEntityTooLargeException', text));
}

export function busy(): HttpReply {
  const text = 'The node holds as many requests as it can: try again';
  return errorReply('ThrottlingException', text);
}

export function refused(reply: HttpReply): BodyResult {
  return { kind: 'refused', reply };
}
