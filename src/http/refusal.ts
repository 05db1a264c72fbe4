import { STATUS_CODES } from 'node:http';
import { errorReply } from './errors.ts';
import type { HttpReply } from './request.ts';

/** The answer to what is no request, by the code of node:http's error. */
export function refusalOf(code: string | undefined): HttpReply {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return errorReply('MalformedHttpRequestException', 'The request headers are too large');
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return errorReply('RequestTimeoutException', 'The request did not arrive in time');
    default:
      return errorReply('MalformedHttpRequestException', 'The request is not valid HTTP');
  }
}

/** The last bytes of a connection. */
export function refusalText(reply: HttpReply, requestId: string): string {
  return (
    `HTTP/1.1 ${reply.status} ${STATUS_CODES[reply.status]}\r\nx-amzn-RequestId: ${requestId}\r\n` +
    `Content-Type: ${reply.contentType}\r\nContent-Length: ${reply.body.length}\r\nConnection: close\r\n\r\n` +
    Buffer.from(reply.body).toString('latin1')
  );
}
