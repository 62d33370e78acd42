import type { JsonCalls } from './json.ts';
import type { Node } from './tokenizer.ts';

/** Where the tables of a query come from; each answer is the body of a subquery in DuckDB's dialect. */
export interface TableReader {
  /** The rows at a version; at the one the statement sees when none is given. */
  snapshot(name: readonly string[], version: bigint | undefined): string;
  /** The change feed, inclusive at both ends; `last` is the latest version when absent. */
  changes(name: readonly string[], first: bigint, last: bigint | undefined): string;
}

export interface RewriteContext {
  readonly tables: TableReader;
  readonly json: JsonCalls;
  /** The statement's time, microseconds since the epoch. */
  readonly nowMicros: bigint;
  readonly catalog: string;
  readonly schema: string;
}

/** What the translation of a function call needs of the one that translates the expression around it. */
export interface ExpressionTranslator {
  readonly context: RewriteContext;
  expression(nodes: readonly Node[]): string;
  /** The statement's time as an expression of the type TIMESTAMP. */
  now(): string;
}
