/** The two classes of the untyped `thrift` package that the warehouse's front uses. */
declare module 'thrift' {
  /** Gathers what is written until flush; `onFlush` then gets the whole message in one buffer. */
  export class TBufferedTransport {
    constructor(buffer: undefined, onFlush: (message: Buffer) => void);
    /** A function that takes received bytes and hands `callback` a transport to read them from. */
    static receiver(
      callback: (transport: TBufferedTransport, seqid: number) => void,
      seqid: number,
    ): (data: Buffer) => void;
  }

  export class TBinaryProtocol {
    constructor(transport: TBufferedTransport);
  }
}
