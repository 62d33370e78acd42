export interface Answer<Row> {
  readonly rows: readonly Row[];
  /** Rows that the statement wrote or returned. */
  readonly count: number;
  /** Columns of the result, with the server's types. */
  readonly fields: readonly {
    readonly name: string;
    readonly dataTypeID: number;
    readonly dataTypeModifier: number;
  }[];
}

/** One transaction of READ COMMITTED. Every failure is a SyncError; after one, nothing more can be done in it. */
export interface Transaction {
  query<Row>(text: string, values?: readonly unknown[]): Promise<Answer<Row>>;
  /** Runs statements without values, one after the other in one round trip; returns the rows that each wrote. */
  run(statements: readonly string[]): Promise<readonly number[]>;
  /** Runs a COPY … FROM STDIN on the buffers; returns the rows that the server counted. */
  copy(text: string, buffers: AsyncIterable<Buffer>): Promise<number>;
  /** Keeps what was done. After a lost answer it is unknown whether it was kept (`target_unavailable`). */
  commit(): Promise<void>;
}
