import type { ErrorKind } from '../../error/error-kind.ts';
import { SyncError } from '../../error/sync-error.ts';

/** What an SQLSTATE means to us, and how the message begins. `server`: the server's own text names the object. */
interface Meaning {
  readonly kind: ErrorKind;
  readonly says: string | 'server';
}

const unavailable = (says: string): Meaning => ({ kind: 'target_unavailable', says });
const busy = (says: string): Meaning => ({ kind: 'target_busy', says });
const row = (says: string): Meaning => ({ kind: 'row_rejected', says: `Postgres refused a row: ${says}` });
const unauthorized: Meaning = {
  kind: 'target_unauthorized',
  says: 'The database refused the user or the password',
};
const missing: Meaning = { kind: 'target_missing', says: 'server' };
const incompatible: Meaning = { kind: 'target_incompatible', says: 'server' };
const failed = (says: string): Meaning => ({ kind: 'target_failed', says });

const RAISED = row('a trigger or function of the target raised an error');

/** Looked up by the whole SQLSTATE first, then by its class. */
export const SQLSTATE_MEANING: Readonly<Record<string, Meaning>> = {
  '08': unavailable('The connection to the database broke'),
  '08P01': failed('The server and the driver disagree about the protocol'),
  '0A000': failed('The server does not support a statement on this table'),
  '21000': {
    kind: 'duplicate_source_key',
    says: 'Two rows of the source have one key in the target',
  },
  '22': row('a value is not valid for its column'),
  '22001': row('a text is longer than its column allows'),
  '22003': row('a number is out of the range of its column'),
  '22007': row('a date or time is not valid'),
  '22008': row('a date or time is out of range'),
  '22021': row('a character is not valid in the encoding of the database'),
  '22P02': row('a text is not a value of its column’s type'),
  '22P04': { kind: 'internal', says: 'A line has not the fields that its COPY declares' },
  '22P05': row('a character has no counterpart in the encoding of the database'),
  '23': row('a constraint of the target forbids it'),
  '23502': row('a column that is NOT NULL received NULL'),
  '23503': row('a foreign key of the target forbids it'),
  '23505': { kind: 'unique_conflict', says: 'A unique constraint of the target refuses the rows' },
  '23514': row('a check constraint of the target forbids it'),
  '23P01': row('an exclusion constraint of the target forbids it'),
  '25006': failed('The database is read only'),
  '25P03': unavailable('The server ended a transaction that was idle for too long'),
  '25P04': unavailable('The server ended a transaction that ran for too long'),
  '28': unauthorized,
  '3D000': missing,
  '3F000': incompatible,
  '40001': busy('The transaction collided with another one'),
  '40003': unavailable('The server does not say whether a statement was completed'),
  '40P01': busy('The transaction and another one waited for each other'),
  '42': failed('Postgres refused a statement'),
  '42501': { kind: 'target_permission', says: 'server' },
  '428C9': incompatible,
  '42703': incompatible,
  '42704': incompatible,
  '42804': incompatible,
  '42883': incompatible,
  '42P01': incompatible,
  '53': unavailable('The server is short of memory, disk or connections'),
  '54000': row('it is larger than a limit of Postgres'),
  '54001': row('it is nested too deeply for Postgres'),
  '55000': failed('The target is not in a state that allows the statement'),
  '55P03': busy('A lock was not granted in time'),
  '57': unavailable('The server ended the session'),
  '57014': busy('A statement ran for too long and was stopped'),
  '58': unavailable('The server met a failure of its storage or system'),
  P0: RAISED,
};

/** Classes of failures that pass by themselves, whoever raises them. */
const PASSING_CLASSES: ReadonlySet<string> = new Set(['08', '40', '53', '55', '57', '58']);

/** Neon's own texts, found whatever SQLSTATE comes with them; the first that is contained decides. */
export const NEON_TEXTS: readonly { readonly text: string; readonly meaning: Meaning }[] = [
  { text: 'exceeded the compute time quota', meaning: failed('The Neon project has used up its quota') },
  { text: 'exceeded the data transfer quota', meaning: failed('The Neon project has used up its quota') },
  { text: 'could not extend file because', meaning: failed('The Neon project has reached its size limit') },
  { text: 'endpoint is disabled', meaning: failed('The Neon endpoint is disabled') },
  { text: 'endpoint could not be found', meaning: failed('The Neon endpoint does not exist') },
  { text: 'Control plane request failed', meaning: unavailable('Neon could not start the compute') },
  { text: "couldn't connect to compute node", meaning: unavailable('Neon could not reach the compute') },
  { text: 'Failed to acquire permit', meaning: unavailable('Neon has too many connections under way') },
  { text: 'Too many connections attempts', meaning: unavailable('Neon has too many connections under way') },
  { text: 'no more connections allowed', meaning: unavailable('The pooler has no connection left') },
  { text: 'query_wait_timeout', meaning: unavailable('The pooler had no connection in time') },
];

const poolerCut: Meaning = unavailable('The pooler lost the server, or ended the connection to it');

/**
 * What the pooler says on its own, PgBouncer's texts; the first that is contained decides. It has one SQLSTATE for
 * nearly everything: 08P01, with which older releases replace the server's own at its logins, too.
 */
export const POOLER_TEXTS: readonly { readonly text: string; readonly meaning: Meaning }[] = [
  { text: 'authentication failed', meaning: unauthorized },
  { text: 'no such user', meaning: unauthorized },
  { text: 'no such database', meaning: missing },
  { text: '" does not exist', meaning: missing },
  { text: 'server conn crashed?', meaning: poolerCut },
  { text: 'server connection closed', meaning: poolerCut },
  { text: 'server login has been failing', meaning: poolerCut },
  { text: 'the database system is', meaning: poolerCut },
  { text: 'terminating connection', meaning: poolerCut },
  { text: 'shutting down', meaning: poolerCut },
  { text: 'too many clients already', meaning: unavailable('The server has no connection left') },
  { text: 'connection slots are reserved', meaning: unavailable('The server has no connection left') },
];

const UNKNOWN: Meaning = failed('Postgres failed');
const NO_CONNECTION: Meaning = unavailable(
  'The database cannot be reached, or the connection to it was lost',
);

/** The fields of a server error that hold names, never values. */
interface ServerError {
  readonly code: string;
  readonly message: string;
  readonly column?: string;
  readonly constraint?: string;
  readonly table?: string;
  readonly routine?: string;
  readonly where?: string;
}

/**
 * Whatever the driver threw, as a SyncError. Neither its message nor its cause holds the server's `detail`,
 * `where` or, outside the few SQLSTATEs whose text names an object only, its message: those may quote a row.
 */
export function fromDriver(thrown: unknown): SyncError {
  if (thrown instanceof SyncError) return thrown;
  if (!isServerError(thrown)) return withoutSqlState(thrown);
  const { code, constraint, table } = thrown;
  const column = thrown.column ?? copyColumn(thrown.where);
  const meaning = meaningOf(thrown);
  const says = meaning.says === 'server' ? serverText(thrown) : meaning.says;
  const places = [
    column === undefined ? '' : `, column ${JSON.stringify(column)}`,
    constraint === undefined ? '' : `, constraint ${JSON.stringify(constraint)}`,
  ];
  return new SyncError(
    meaning.kind,
    `${says} (SQLSTATE ${code}${places.join('')}).`,
    {
      sqlState: code,
      ...(column === undefined ? {} : { column }),
      ...(constraint === undefined ? {} : { constraint }),
      ...(table === undefined ? {} : { table }),
    },
    { cause: withoutValues(`SQLSTATE ${code} in ${thrown.routine ?? 'an unnamed routine'}`) },
  );
}

function isServerError(thrown: unknown): thrown is ServerError {
  return (
    thrown instanceof Error &&
    'code' in thrown &&
    /^[0-9A-Z]{5}$/.test(String(thrown.code)) &&
    'severity' in thrown
  );
}

function meaningOf(error: ServerError): Meaning {
  // Postgres names a routine of its own with every error; a pooler has none.
  const ofPooler = error.code === '08P01' && error.routine === undefined;
  const texts = ofPooler ? [...NEON_TEXTS, ...POOLER_TEXTS] : NEON_TEXTS;
  const stateClass = error.code.slice(0, 2);
  // A function of the owner's may raise any SQLSTATE, with any text.
  if (error.routine === 'exec_stmt_raise' && !PASSING_CLASSES.has(stateClass)) return RAISED;
  const byText = texts.find(({ text }) => error.message.includes(text));
  return byText?.meaning ?? SQLSTATE_MEANING[error.code] ?? SQLSTATE_MEANING[stateClass] ?? UNKNOWN;
}

function serverText(error: ServerError): string {
  return error.message.charAt(0).toUpperCase() + error.message.slice(1);
}

/**
 * `COPY t, line 7, column a: "…"`, after a line of its own about JSON where there is one: the name stands before
 * the first colon and quote, the value after them.
 */
function copyColumn(where: string | undefined): string | undefined {
  return /^(?:JSON data, line \d+: [^\n]*\n)?COPY [^:"\n]*, line \d+, column ([^:"\n]+)(?::|$)/.exec(
    where ?? '',
  )?.[1];
}

/** Dropped sockets, refused WebSockets, names that do not resolve: the driver gives no code, or Node's own. */
function withoutSqlState(thrown: unknown): SyncError {
  if (thrown instanceof TypeError || thrown instanceof RangeError) {
    const cause = withoutValues(`${thrown.name} in the driver`);
    return new SyncError('internal', 'A statement could not be sent to the database.', {}, { cause });
  }
  const message = thrown instanceof Error ? thrown.message : '';
  const meaning = NEON_TEXTS.find(({ text }) => message.includes(text))?.meaning ?? NO_CONNECTION;
  return new SyncError(meaning.kind, `${meaning.says}.`, {}, { cause: withoutValues(shapeOf(thrown)) });
}

function shapeOf(thrown: unknown): string {
  const inner = typeof thrown === 'object' && thrown !== null && 'error' in thrown ? thrown.error : thrown;
  const code = typeof inner === 'object' && inner !== null && 'code' in inner ? ` ${String(inner.code)}` : '';
  return `${inner instanceof Error ? inner.name : typeof inner}${code} from the driver`;
}

function withoutValues(message: string): Error {
  const cause = new Error(message);
  cause.name = 'DriverError';
  return cause;
}
