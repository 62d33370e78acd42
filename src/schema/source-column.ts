/** A column of the source as DESCRIBE TABLE gives it. `type` is Delta's type text, e.g. `decimal(10,2)`. */
export interface SourceColumn {
  readonly name: string;
  readonly type: string;
  readonly comment?: string;
}

/** Delta's column names have no case. */
export function isSameColumn(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
