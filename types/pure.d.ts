// What the pure rooms may use of the host beyond ECMAScript: text codecs, which exist and behave alike in Node.js and
// in browsers. Everything else (timers, clocks, randomness, files, sockets) reaches them through the ports.
declare class TextEncoder {
  encode(text: string): Uint8Array;
  encodeInto(text: string, target: Uint8Array): { read: number; written: number };
}
declare class TextDecoder {
  constructor(label?: 'utf-8', options?: { fatal?: boolean; ignoreBOM?: boolean });
  decode(bytes: Uint8Array): string;
}
