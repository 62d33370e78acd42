declare module 'dynalite' {
  import type { Server } from 'node:http';

  /** `path` keeps the tables on disk; the times are how long a table stays in a passing state. */
  export default function dynalite(options: {
    readonly path?: string;
    readonly createTableMs?: number;
    readonly deleteTableMs?: number;
    readonly updateTableMs?: number;
  }): Server;
}
