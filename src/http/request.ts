/** One request, whole: whatever parser read it off the wire. */
export interface HttpRequest {
  readonly method: string;
  /** Without the query, which is what follows the `?`. */
  readonly path: string;
  readonly query: string;
  /** By a name in small letters; of a header given twice the first. */
  header(name: string): string | undefined;
  readonly body: Uint8Array;
}

/** What goes back. Length, checksum, request id and date are added by whoever writes it. */
export interface HttpReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Uint8Array;
  /** Further headers: name, value, name, value. */
  readonly headers?: readonly string[];
}

/** Answers requests. Never rejects: what goes wrong is in the reply. */
export type RequestHandler = (request: HttpRequest) => Promise<HttpReply>;
