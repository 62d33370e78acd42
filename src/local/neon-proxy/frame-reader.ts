const MASKED = 0x80;
const CONTROL = 0x8;
const LONGEST_HEADER = 14;

/**
 * Takes a client's WebSocket frames apart (RFC 6455, section 5.2) in whatever pieces they arrive. Payload of data
 * frames is handed on piece by piece, in the very buffers that came; a control frame when it is complete.
 */
export class FrameReader {
  readonly #onData: (bytes: Buffer) => void;
  readonly #onControl: (opcode: number, payload: Buffer) => void;
  readonly #header = Buffer.alloc(LONGEST_HEADER);
  readonly #mask = Buffer.alloc(4);
  #headerBytes = 0;
  #opcode = 0;
  /** Payload bytes of the frame that have not come yet. */
  #left = 0;
  /** How far into the mask the next payload byte is. */
  #phase = 0;
  #control: Buffer[] = [];

  constructor(onData: (bytes: Buffer) => void, onControl: (opcode: number, payload: Buffer) => void) {
    this.#onData = onData;
    this.#onControl = onControl;
  }

  /** False where the bytes are not what a client may send: nothing can be read any more. */
  take(bytes: Buffer): boolean {
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const piece = bytes.subarray(at, at + this.#left);
        at += piece.length;
        this.#takePayload(piece);
        continue;
      }
      this.#header[this.#headerBytes] = bytes[at] ?? 0;
      this.#headerBytes += 1;
      at += 1;
      if (this.#headerBytes < 2) continue;
      if (((this.#header[1] ?? 0) & MASKED) === 0) return false;
      if (this.#headerBytes === this.#headerLength() && !this.#startFrame()) return false;
    }
    return true;
  }

  #headerLength(): number {
    const short = (this.#header[1] ?? 0) & 0x7f;
    return 2 + (short === 126 ? 2 : short === 127 ? 8 : 0) + 4;
  }

  #startFrame(): boolean {
    const [first = 0, second = 0] = this.#header;
    const short = second & 0x7f;
    const length =
      short === 126
        ? this.#header.readUInt16BE(2)
        : short === 127
          ? Number(this.#header.readBigUInt64BE(2))
          : short;
    this.#header.copy(this.#mask, 0, this.#headerBytes - 4, this.#headerBytes);
    this.#headerBytes = 0;
    this.#opcode = first & 0x0f;
    this.#left = length;
    this.#phase = 0;
    if (this.#opcode >= CONTROL && length > 125) return false;
    if (length === 0) this.#endFrame();
    return true;
  }

  #takePayload(piece: Buffer): void {
    unmask(piece, this.#mask, this.#phase);
    this.#phase = (this.#phase + piece.length) & 3;
    this.#left -= piece.length;
    if (this.#opcode < CONTROL) this.#onData(piece);
    else this.#control.push(piece);
    if (this.#left === 0) this.#endFrame();
  }

  #endFrame(): void {
    if (this.#opcode < CONTROL) return;
    const payload = Buffer.concat(this.#control);
    this.#control = [];
    this.#onControl(this.#opcode, payload);
  }
}

/** XORs the bytes in place with the mask, which starts at `phase`; four at a time where they are aligned. */
function unmask(bytes: Buffer, mask: Buffer, phase: number): void {
  const length = bytes.length;
  // A short piece is done byte by byte: it may hold no aligned word at all.
  const head = length < 8 ? length : -bytes.byteOffset & 3;
  for (let i = 0; i < head; i += 1) bytes[i] = (bytes[i] ?? 0) ^ (mask[(phase + i) & 3] ?? 0);
  if (head === length) return;
  const rotated = Uint8Array.from({ length: 4 }, (_, i) => mask[(phase + head + i) & 3] ?? 0);
  const word = new Uint32Array(rotated.buffer)[0] ?? 0;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset + head, (length - head) >> 2);
  for (let i = 0; i < words.length; i += 1) words[i] = (words[i] ?? 0) ^ word;
  for (let i = head + (words.length << 2); i < length; i += 1) {
    bytes[i] = (bytes[i] ?? 0) ^ (mask[(phase + i) & 3] ?? 0);
  }
}
