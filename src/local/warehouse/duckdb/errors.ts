import { EngineError } from '../engine.ts';

export function syntaxError(detail: string): EngineError {
  return new EngineError('PARSE_SYNTAX_ERROR', '42601', detail);
}

export function unsupported(what: string): EngineError {
  return new EngineError('UNSUPPORTED_FEATURE', '0A000', `The local warehouse does not support ${what}.`);
}

/** Marks a text that SQL raised by `error(…)` as one of ours: `lakeferry|class|SQLSTATE|detail`. */
const RAISED = 'lakeferry|';

/** A DuckDB expression that fails with the given error; `detail` must hold no row value. */
export function raiseSql(errorClass: string, sqlState: string, detail: string): string {
  return `error('${`${RAISED}${errorClass}|${sqlState}|${detail}`.replaceAll("'", "''")}')`;
}

/** Prefix for an error text that a statement composes itself (`raise_error`). */
export const USER_RAISED = `${RAISED}USER_RAISED_EXCEPTION|P0001|`;

interface Rule {
  readonly text: RegExp;
  readonly errorClass: string;
  readonly sqlState: string;
  /** Uses groups of the match that hold names only. */
  readonly detail: (match: RegExpExecArray) => string;
}

const constant = (detail: string) => () => detail;
const firstGroup = (before: string, after: string) => (match: RegExpExecArray) =>
  `${before} \`${match[1]}\` ${after}`;

/** DuckDB gives a category and a sentence, no code. The first rule that fits decides. */
const RULES: readonly Rule[] = [
  {
    text: /Referenced column "((?:[^"]|"")+)" (?:not found|was not found)|does not have a column named "([^"]+)"/,
    errorClass: 'UNRESOLVED_COLUMN.WITH_SUGGESTION',
    sqlState: '42703',
    detail: (match) => `A column \`${match[1] ?? match[2]}\` cannot be resolved.`,
  },
  {
    text: /Referenced table "((?:[^"]|"")+)" not found/,
    errorClass: 'UNRESOLVED_COLUMN.WITH_SUGGESTION',
    sqlState: '42703',
    detail: firstGroup('The qualifier', 'names no table of the query.'),
  },
  {
    text: /Ambiguous reference to (?:a )?column(?: name)? "((?:[^"]|"")+)"/,
    errorClass: 'AMBIGUOUS_REFERENCE',
    sqlState: '42704',
    detail: firstGroup('The column', 'is ambiguous.'),
  },
  {
    text: /must appear in the GROUP BY clause/,
    errorClass: 'MISSING_AGGREGATION',
    sqlState: '42803',
    detail: constant('A column is neither grouped nor inside an aggregate function.'),
  },
  {
    text: /More than one row returned by a subquery/i,
    errorClass: 'SCALAR_SUBQUERY_TOO_MANY_ROWS',
    sqlState: '21000',
    detail: constant('A scalar subquery returned more than one row.'),
  },
  {
    text: /^INTERRUPT/i,
    errorClass: 'OPERATION_CANCELED',
    sqlState: 'HY008',
    detail: constant('The statement was canceled.'),
  },
  {
    text: /^Parser Error/,
    errorClass: 'PARSE_SYNTAX_ERROR',
    sqlState: '42601',
    detail: constant('The statement cannot be parsed.'),
  },
  {
    text: /Unimplemented type for cast|No function matches|Cannot compare values|Cannot combine types|Cannot mix values|must be of type|Cannot explicitly cast|could not convert.*type/i,
    errorClass: 'DATATYPE_MISMATCH',
    sqlState: '42K09',
    detail: constant('An expression has a type that its place does not accept.'),
  },
  {
    text: /^Out of Range Error/i,
    errorClass: 'ARITHMETIC_OVERFLOW',
    sqlState: '22003',
    detail: constant('An arithmetic operation overflowed.'),
  },
  {
    text: /^Conversion Error.*field value out of range/,
    errorClass: 'CAST_INVALID_INPUT',
    sqlState: '22018',
    detail: constant('A value is malformed for the type that it is cast to.'),
  },
  {
    text: /^Conversion Error.*(?:out of range|Could not cast value .* to DECIMAL)/i,
    errorClass: 'CAST_OVERFLOW',
    sqlState: '22003',
    detail: constant('A value is out of range for the type that it is cast to.'),
  },
  {
    text: /^(Conversion Error|Invalid Input Error: Failed to cast|Invalid Input Error: Could not (?:parse|convert))/,
    errorClass: 'CAST_INVALID_INPUT',
    sqlState: '22018',
    detail: constant('A value is malformed for the type that it is cast to.'),
  },
  {
    text: /^Catalog Error: (?:Scalar|Table|Aggregate)?[\w ]*Function with name "?([\w]+)"? does not exist/i,
    errorClass: 'UNRESOLVED_ROUTINE',
    sqlState: '42883',
    detail: firstGroup('The function', 'does not exist.'),
  },
  {
    text: /^Catalog Error: Table with name/,
    errorClass: 'TABLE_OR_VIEW_NOT_FOUND',
    sqlState: '42P01',
    detail: constant('The table was dropped while the statement started.'),
  },
  {
    text: /^(Binder|Catalog) Error/,
    errorClass: 'INVALID_STATEMENT',
    sqlState: '42000',
    detail: constant('The local warehouse cannot analyze the statement.'),
  },
  {
    text: /^Not implemented Error/i,
    errorClass: 'UNSUPPORTED_FEATURE',
    sqlState: '0A000',
    detail: constant('The local warehouse does not support an expression of the statement.'),
  },
  {
    text: /^IO Error: No files found that match the pattern ".*\/_change_data\//,
    errorClass: 'DELTA_CHANGE_DATA_FILE_NOT_FOUND',
    sqlState: 'KD002',
    detail: constant('A change data file that the log names is gone.'),
  },
  {
    text: /^IO Error: No files found that match the pattern/,
    errorClass: 'FAILED_READ_FILE.DBR_FILE_NOT_EXIST',
    sqlState: 'KD001',
    detail: constant('A data file that the log names is gone.'),
  },
  {
    text: /^Out of Memory/i,
    errorClass: 'OUT_OF_MEMORY',
    sqlState: '53200',
    detail: constant('The local warehouse ran out of memory.'),
  },
];

/**
 * DuckDB's failure as Databricks would name it. DuckDB's own text may quote values and the statement, so it stays
 * in the cause; only names are taken from it.
 */
export function engineError(thrown: unknown): EngineError {
  if (thrown instanceof EngineError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const raised = message.indexOf(RAISED);
  if (raised >= 0) {
    const [errorClass = '', sqlState = '', ...detail] = message.slice(raised + RAISED.length).split('|');
    return new EngineError(errorClass, sqlState, detail.join('|'), { cause: thrown });
  }
  for (const { text, errorClass, sqlState, detail } of RULES) {
    const match = text.exec(message);
    if (match) return new EngineError(errorClass, sqlState, detail(match), { cause: thrown });
  }
  return new EngineError('INTERNAL_ERROR', 'XX000', 'The local warehouse failed.', { cause: thrown });
}
