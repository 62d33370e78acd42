import type { ErrorKind } from '../../error/error-kind.ts';
import { type ErrorFields, SyncError } from '../../error/sync-error.ts';

/** Databricks' and Delta's error classes that mean something to a sync (research: the vendor's class list). */
const KIND_BY_CLASS: Readonly<Record<string, ErrorKind>> = {
  TABLE_OR_VIEW_NOT_FOUND: 'source_table_missing',
  DELTA_TABLE_NOT_FOUND: 'source_table_missing',
  DELTA_MISSING_DELTA_TABLE: 'source_table_missing',
  SCHEMA_NOT_FOUND: 'source_table_missing',
  NO_SUCH_CATALOG_EXCEPTION: 'source_table_missing',
  CATALOG_NOT_FOUND: 'source_table_missing',
  INSUFFICIENT_PERMISSIONS: 'source_permission',
  PERMISSION_DENIED: 'source_permission',
  'UNRESOLVED_COLUMN.WITH_SUGGESTION': 'source_column_missing',
  'UNRESOLVED_COLUMN.WITHOUT_SUGGESTION': 'source_column_missing',
  PARSE_SYNTAX_ERROR: 'source_query_invalid',
  DATATYPE_MISMATCH: 'source_query_invalid',
  UNRESOLVED_ROUTINE: 'source_query_invalid',
  DELTA_MISSING_CHANGE_DATA: 'change_feed_off',
  DELTA_CHANGELOG_REQUIRES_ROW_TRACKING: 'change_feed_off',
  DELTA_CHANGELOG_ROW_TRACKING_DISABLED_IN_RANGE: 'change_feed_off',
  DELTA_UNSUPPORTED_TIME_TRAVEL_BEYOND_DELETED_FILE_RETENTION_DURATION: 'retention_gap',
  DELTA_VERSION_NOT_FOUND: 'retention_gap',
  DELTA_TRUNCATED_TRANSACTION_LOG: 'retention_gap',
  DELTA_LOG_FILE_NOT_FOUND: 'retention_gap',
  DELTA_CHANGE_DATA_FILE_NOT_FOUND: 'retention_gap',
  'FAILED_READ_FILE.DBR_FILE_NOT_EXIST': 'retention_gap',
  DELTA_CDC_START_VERSION_AFTER_LATEST: 'source_replaced',
  DELTA_INVALID_CDC_RANGE: 'source_replaced',
  DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_SCHEMA_CHANGE: 'schema_break',
  DELTA_CHANGE_DATA_FEED_INCOMPATIBLE_DATA_SCHEMA: 'schema_break',
  DELTA_BLOCK_COLUMN_MAPPING_AND_CDC_OPERATION: 'schema_break',
  DELTA_CHANGELOG_SCHEMA_CHANGE_IN_RANGE: 'schema_break',
};

const KIND_BY_SQLSTATE: Readonly<Record<string, ErrorKind>> = {
  '42P01': 'source_table_missing',
  '42501': 'source_permission',
  '42703': 'source_column_missing',
  '42601': 'source_query_invalid',
};

/** Texts that a warehouse gives while it starts or after it forgot a session; it gives no class for them. */
const UNAVAILABLE_TEXTS = [
  'has not been initialized or had already closed',
  'Invalid SessionHandle',
  "Couldn't create directory",
  'TEMPORARILY_UNAVAILABLE',
];

/** Whether a warehouse that is about to serve says so. */
export function isStarting(thrown: unknown): boolean {
  const { status, message } = readFailure(thrown);
  return status === 503 || UNAVAILABLE_TEXTS.some((text) => message.includes(text));
}

/** What the driver throws is not always an Error: read its fields without trusting them. */
interface DriverFailure {
  readonly message: string;
  readonly sqlState: string | undefined;
  readonly status: number | undefined;
}

function readFailure(thrown: unknown): DriverFailure {
  const of = thrown as {
    message?: unknown;
    statusCode?: unknown;
    response?: {
      errorMessage?: unknown;
      sqlState?: unknown;
      status?: { errorMessage?: unknown; sqlState?: unknown };
      statusCode?: unknown;
    };
  } | null;
  const text = (...values: unknown[]) =>
    values.find((value): value is string => typeof value === 'string' && value !== '');
  return {
    message: text(of?.response?.errorMessage, of?.response?.status?.errorMessage, of?.message) ?? '',
    sqlState: text(of?.response?.sqlState, of?.response?.status?.sqlState),
    status: [of?.statusCode, of?.response?.statusCode].find((code) => typeof code === 'number'),
  };
}

/** A driver's failure as one of our kinds: by error class, SQLSTATE and HTTP status, by text only where nothing else is given. */
export function sourceError(thrown: unknown, fields: ErrorFields): SyncError {
  if (thrown instanceof SyncError) return thrown;
  const { message, sqlState, status } = readFailure(thrown);
  const errorClass = /\[([A-Z][A-Z0-9_.]+)\]/.exec(message)?.[1];
  const found = kindOf(
    errorClass,
    sqlState ?? /SQLSTATE: ?([0-9A-Z]{5})/.exec(message)?.[1],
    status,
    message,
    thrown,
  );
  const facts = {
    ...fields,
    ...(errorClass && { errorClass }),
    ...(sqlState && { sqlState }),
    ...(status && { status }),
  };
  return new SyncError(found, describe(found, fields, errorClass, message, status), facts, { cause: thrown });
}

function kindOf(
  errorClass: string | undefined,
  sqlState: string | undefined,
  status: number | undefined,
  message: string,
  thrown: unknown,
): ErrorKind {
  // Statements are refused by SQLSTATE; who is refused by HTTP status never came as far as a statement.
  if (status === 401 || status === 403) return 'source_unauthorized';
  // The token endpoint refuses a client that it does not know with 400, too.
  if (status === 400 && nameOf(thrown) === 'OPError') return 'source_unauthorized';
  if (status !== undefined) return 'source_unavailable';
  const byClass = errorClass === undefined ? undefined : KIND_BY_CLASS[errorClass];
  if (byClass) return byClass;
  const bySqlState = sqlState === undefined ? undefined : KIND_BY_SQLSTATE[sqlState];
  if (bySqlState) return bySqlState;
  if (UNAVAILABLE_TEXTS.some((text) => message.includes(text))) return 'source_unavailable';
  if (nameOf(thrown) === 'AuthenticationError') return 'source_unauthorized';
  if (isNetworkFailure(thrown)) return 'source_unavailable';
  return 'source_failed';
}

function nameOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.name : undefined;
}

/** `RPError`: the token endpoint gave no answer in time. */
function isNetworkFailure(thrown: unknown): boolean {
  const of = thrown as { code?: unknown; type?: unknown; name?: unknown } | null;
  if (of?.name === 'FetchError' || of?.name === 'RPError' || of?.type === 'system') return true;
  return typeof of?.code === 'string' && /^(E[A-Z]+|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED)/.test(of.code);
}

/**
 * A sentence for the operator. The server's own text is repeated only for the classes that describe names and
 * syntax; a failing cast, for one, would quote a row's value.
 */
function describe(
  kind: ErrorKind,
  fields: ErrorFields,
  errorClass: string | undefined,
  message: string,
  status: number | undefined,
): string {
  const table = typeof fields['table'] === 'string' ? fields['table'] : 'the source table';
  const detail = () => {
    const line = message.replace(/\s+/g, ' ').trim();
    return line.length > 300 ? `${line.slice(0, 300)}…` : line;
  };
  // Delta's text is long with both schemas as JSON; the version stands behind them.
  const incompatible = /incompatible (?:data schema|schema change) at version (\d+)/.exec(message)?.[1];
  switch (kind) {
    case 'source_table_missing':
      return `The source table ${table} does not exist, or the principal may not see it.`;
    case 'source_permission':
      return `The Databricks principal may not read ${table}.`;
    case 'source_unauthorized':
      if (message.startsWith('OAuth is not supported for')) {
        return 'The driver knows no OAuth for the host of the Databricks connection: only a token opens it.';
      }
      return `Databricks refused the credentials, or may not let them use the warehouse${status === undefined ? '' : ` (HTTP status ${status})`}.`;
    case 'source_unavailable':
      return `The SQL warehouse cannot be reached${status === undefined ? '' : ` (HTTP status ${status})`}.`;
    case 'source_column_missing':
    case 'source_query_invalid':
      return `The warehouse refused the query on ${table}: ${detail()}`;
    case 'change_feed_off':
      return `The change feed of ${table} is off for a part of the commits that come next.`;
    case 'retention_gap':
      return `${table} no longer keeps the commits that come next (${errorClass ?? 'expired'}).`;
    case 'schema_break':
      return `The columns of ${table} changed among the commits that come next${incompatible === undefined ? `: ${detail()}` : `: those of version ${incompatible} are others than the newest (${errorClass}).`}`;
    case 'source_replaced':
      return `${table} has fewer commits than were synced from it: it was dropped and created again.`;
    default:
      return `The warehouse failed on a query of ${table}${errorClass ? ` (${errorClass})` : ''}.`;
  }
}
