import type { ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { crc32, gzip } from 'node:zlib';
import type { Random } from '../ports/index.ts';
import type { HttpReply } from './request.ts';

/** Answers above this are compressed for clients that ask for it, as DynamoDB does. */
const COMPRESSED_ABOVE_BYTES = 4096;

const compress = promisify(gzip);

/** The reply as it goes over the wire; `accepted` is the request's Accept-Encoding. */
export async function compressed(
  reply: HttpReply,
  accepted: string | undefined,
): Promise<HttpReply> {
  if (accepted === undefined || reply.body.length <= COMPRESSED_ABOVE_BYTES) return reply;
  if (!/(^|[\s,])gzip([\s,;]|$)/.test(accepted)) return reply;
  return {
    ...reply,
    body: await compress(reply.body),
    headers: [...(reply.headers ?? []), 'Content-Encoding', 'gzip'],
  };
}

/** Writes status and headers; the checksum is that of the bytes on the wire. The caller sends the body. */
export function writeHead(
  response: ServerResponse,
  reply: HttpReply,
  requestId: string,
  closing: boolean,
): void {
  const { status, contentType, body, headers } = reply;
  const lines = [
    'x-amzn-RequestId',
    requestId,
    'x-amz-crc32',
    String(crc32(body)),
    'Content-Type',
    contentType,
    'Content-Length',
    String(body.length),
  ];
  if (headers) lines.push(...headers);
  if (closing) lines.push('Connection', 'close');
  response.writeHead(status, lines);
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const ID_LENGTH = 52;

/** Request ids in the form of DynamoDB's: unique, since they are a random prefix and a count. */
export function requestIds(random: Random): () => string {
  const prefix = word(random, ID_LENGTH - 10);
  let count = random.uint32();
  return () => prefix + (count++).toString(32).toUpperCase().padStart(10, '0');
}

function word(random: Random, length: number): string {
  const bytes = new Uint8Array(length);
  random.fill(bytes);
  return Array.from(bytes, (byte) => ALPHABET.charAt(byte & 31)).join('');
}
