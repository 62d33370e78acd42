import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { FrameReader } from './frame-reader.ts';

/** From RFC 6455, section 1.3. */
const HANDSHAKE_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

const BINARY = 0x2;
const CLOSE = 0x8;
const PING = 0x9;
const PONG = 0xa;
const FINAL = 0x80;

/**
 * The server's side of a WebSocket that carries a stream of bytes, where messages have no meaning: what a client
 * sends is handed on as it arrives, unmasked in place and uncopied. (A general library collects each message first,
 * and unmasks a byte at a time: 10 ns a byte, on the machine that is also the client and the database.)
 */
export class WebSocketStream {
  readonly #stream: Duplex;
  #closing = false;

  /** Answers the handshake; `undefined` where the request is none. */
  static accept(request: IncomingMessage, stream: Duplex): WebSocketStream | undefined {
    const key = request.headers['sec-websocket-key'];
    if (key === undefined || request.headers['sec-websocket-version'] !== '13') return undefined;
    const accept = createHash('sha1').update(`${key}${HANDSHAKE_GUID}`).digest('base64');
    const lines = ['Upgrade: websocket', 'Connection: Upgrade', `Sec-WebSocket-Accept: ${accept}`];
    stream.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('\r\n')}\r\n\r\n`);
    return new WebSocketStream(stream);
  }

  private constructor(stream: Duplex) {
    this.#stream = stream;
    stream.on('error', () => stream.destroy());
  }

  /** Starts reading; `head` is what came with the handshake. */
  start(head: Buffer, onBytes: (bytes: Buffer) => void, onClose: () => void): void {
    const reader = new FrameReader(onBytes, (opcode, payload) => {
      if (opcode === PING) this.#write(PONG, payload);
      if (opcode === CLOSE) this.#end(payload.subarray(0, 2));
    });
    const read = (bytes: Buffer) => {
      if (!reader.take(bytes)) this.#stream.destroy();
    };
    read(head);
    this.#stream.on('data', read);
    this.#stream.on('end', () => this.#stream.end());
    this.#stream.on('close', onClose);
  }

  /** `onSent` is called when the bytes have left this process, or the stream has ended. */
  send(bytes: Buffer, onSent: () => void): void {
    if (this.#closing) onSent();
    else this.#write(BINARY, bytes, onSent);
  }

  /** What waits to be sent. */
  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    this.#stream.resume();
  }

  /** Ends with a close frame. */
  close(code: number): void {
    this.#end(Buffer.of(code >> 8, code & 0xff));
  }

  /** Ends without one. */
  terminate(): void {
    this.#stream.destroy();
  }

  #end(reason: Buffer): void {
    if (this.#closing) return;
    this.#write(CLOSE, reason);
    this.#closing = true;
    this.#stream.end();
  }

  #write(opcode: number, payload: Buffer, onSent: () => void = () => undefined): void {
    this.#stream.cork();
    this.#stream.write(header(opcode, payload.length));
    this.#stream.write(payload, onSent);
    this.#stream.uncork();
  }
}

/** The head of an unfragmented, unmasked frame. */
function header(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.of(FINAL | opcode, length);
  if (length < 65_536) return Buffer.of(FINAL | opcode, 126, length >> 8, length & 0xff);
  const bytes = Buffer.alloc(10);
  bytes[0] = FINAL | opcode;
  bytes[1] = 127;
  bytes.writeBigUInt64BE(BigInt(length), 2);
  return bytes;
}
