declare module 'pg-copy-streams' {
  import type { Writable } from 'node:stream';

  /** A COPY … FROM STDIN in flight: a query to the driver, a writable stream to us. */
  export interface CopyFromStream extends Writable {
    readonly rowCount: number;
    submit(connection: object): void;
  }

  export function from(text: string): CopyFromStream;
}
