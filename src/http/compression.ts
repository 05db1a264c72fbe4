import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { HttpReply } from './request.ts';

/** Answers above this are compressed for clients that ask for it, as DynamoDB does. */
const COMPRESSED_ABOVE_BYTES = 4096;

const compress = promisify(gzip);

/** Whether the reply is large enough to be compressed for whoever accepts that. */
export function wantsCompression(reply: HttpReply): boolean {
  return reply.body.length > COMPRESSED_ABOVE_BYTES;
}

/** By the request's Accept-Encoding. */
export function acceptsGzip(accepted: string | undefined): boolean {
  if (accepted === undefined) return false;
  return accepted.split(',').some((coding) => coding.split(';', 1)[0]?.trim() === 'gzip');
}

export async function compressed(reply: HttpReply): Promise<HttpReply> {
  return {
    ...reply,
    body: await compress(reply.body),
    headers: [...(reply.headers ?? []), 'Content-Encoding', 'gzip'],
  };
}
