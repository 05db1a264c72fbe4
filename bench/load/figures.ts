/** What a load generator measured. Latencies in milliseconds. */
export interface Figures {
  readonly requests: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
  readonly errors: number;
}

/** Reads the one line `RESULT {…}` among what a load generator printed. Throws when there is none. */
export function readFigures(output: string): Figures {
  const line = output.split('\n').find((one) => one.startsWith('RESULT '));
  if (!line) throw new Error(`the load generator printed no result: ${output}`);
  return JSON.parse(line.slice('RESULT '.length)) as Figures;
}

export function rate({ requests, seconds }: Figures): number {
  return requests / seconds;
}
