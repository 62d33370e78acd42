/** What the warehouse's front uses of the untyped `thrift` package. */
declare module 'thrift' {
  /** Where a protocol writes a message to; `flush` ends it. */
  export interface OutputTransport {
    write(part: Buffer | string): void;
    flush(): void;
    /** Told which call the message answers. */
    setCurrSeqId(seqid: number): void;
  }

  /** Where a protocol reads a message from. */
  export interface InputTransport {
    read(length: number): Buffer;
  }

  export const TBufferedTransport: {
    /** A function that takes received bytes and hands `callback` a transport to read them from. */
    receiver(
      callback: (transport: InputTransport, seqid: number) => void,
      seqid: number,
    ): (data: Buffer) => void;
  };

  export class TBinaryProtocol {
    constructor(transport: InputTransport | OutputTransport);
  }
}
