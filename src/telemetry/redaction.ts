import { SyncError } from '../error/sync-error.ts';

/**
 * The guard in front of every log: no row value and no secret leaves through a field, whoever put it there. Errors
 * show their kind, message and fields when they are ours, and their name and code otherwise: a driver's message or
 * detail may quote a row.
 */

const REDACTED = '[redacted]';
const MAX_DEPTH = 5;
const MAX_ENTRIES = 50;
const MAX_TEXT = 2_000;
const MAX_FRAMES = 8;

/** Field names, in lower case without separators, under which drivers and warehouses put row data. */
const ROW_DATA: ReadonlySet<string> = new Set([
  'body',
  'detail',
  'hint',
  'internalquery',
  'key',
  'keys',
  'line',
  'lines',
  'parameters',
  'params',
  'payload',
  'record',
  'records',
  'row',
  'rows',
  'value',
  'values',
  'where',
]);

/** Parts of field names, in the same form, that announce a secret. */
const SECRET = /password|passwd|secret|token|credential|authorization|apikey|privatekey|connectionstring/;

const SECRET_TEXT: readonly (readonly [RegExp, string])[] = [
  [/:\/\/[^\s"'<>]*@/g, `://${REDACTED}@`],
  [/\b(bearer|basic)\s+[\w.~+/=-]{8,}/gi, `$1 ${REDACTED}`],
  [
    /\b(password|passwd|pwd|secret|token|api_?key|authorization)("?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&]+)/gi,
    `$1$2${REDACTED}`,
  ],
  [/\b(dapi|dose)[0-9a-f]{16,}(-\d+)?/gi, REDACTED],
  [/\beyJ[\w-]+\.[\w-]+\.[\w-]*/g, REDACTED],
  [/\bKey \(.*?\)=\(.*\)/gs, `Key ${REDACTED}`],
  [/\bFailing row contains \(.*\)/gs, `Failing row ${REDACTED}`],
];

/** The text without passwords, tokens and Postgres' quotes of rows, cut at 2,000 characters. */
export function safeText(text: string): string {
  let safe = text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 1)}…` : text;
  for (const [pattern, replacement] of SECRET_TEXT) safe = safe.replace(pattern, replacement);
  return safe;
}

/** The fields as JSON values that may be logged: versions as text, errors described, what could hold a row removed. */
export function safeFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return safeEntries(Object.entries(fields), 0);
}

function safeEntries(
  entries: readonly (readonly [string, unknown])[],
  depth: number,
): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [name, value] of entries.slice(0, MAX_ENTRIES)) {
    const shown = mayHold(name, value) ? safeValue(value, depth) : REDACTED;
    if (shown !== undefined) safe[name] = shown;
  }
  return safe;
}

/** Counts pass under every name: `rows: 12` says nothing of a row. */
function mayHold(name: string, value: unknown): boolean {
  if (typeof value !== 'string' && typeof value !== 'object') return true;
  if (value === null) return true;
  const plain = name.toLowerCase().replace(/[_\-. ]/g, '');
  return !ROW_DATA.has(plain) && !SECRET.test(plain);
}

function safeValue(value: unknown, depth: number): unknown {
  switch (typeof value) {
    case 'string':
      return safeText(value);
    case 'bigint':
      return value.toString();
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'boolean':
      return value;
    case 'object':
      return value === null ? null : safeObject(value, depth);
    default:
      return undefined;
  }
}

function safeObject(value: object, depth: number): unknown {
  if (value instanceof Error) return describeError(value, depth);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? 'invalid date' : value.toISOString();
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
  if (depth >= MAX_DEPTH) return '[…]';
  if (Array.isArray(value) || value instanceof Set) {
    return [...value].slice(0, MAX_ENTRIES).map((element) => safeValue(element, depth + 1) ?? null);
  }
  if (value instanceof Map) {
    return safeEntries(
      [...value].map(([name, element]) => [String(name), element]),
      depth + 1,
    );
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype === Object.prototype || prototype === null)
    return safeEntries(Object.entries(value), depth + 1);
  return nameAndCode(value);
}

function describeError(error: Error, depth: number): Record<string, unknown> {
  if (!(error instanceof SyncError)) return nameAndCode(error);
  const { kind, message, fields, cause } = error;
  return {
    kind,
    message: safeText(message),
    ...(Object.keys(fields).length === 0 ? {} : { fields: safeEntries(Object.entries(fields), depth + 1) }),
    ...(cause === undefined ? {} : { cause: nameAndCode(cause) }),
    ...(kind === 'internal' ? { frames: framesOf(cause instanceof Error ? cause : error) } : {}),
  };
}

/** What a thrown thing may say of itself: drivers throw things that are no Error, so only the form is trusted. */
function nameAndCode(thrown: unknown): Record<string, unknown> {
  if (typeof thrown !== 'object' || thrown === null) return { name: typeof thrown };
  const { name, code } = thrown as { name?: unknown; code?: unknown };
  const shownName = isWord(name) ? name : thrown.constructor?.name;
  const shownCode = typeof code === 'number' || isWord(code) ? { code } : {};
  return { name: shownName ?? 'object', ...shownCode };
}

function isWord(value: unknown): value is string {
  return typeof value === 'string' && /^[\w.:-]{1,80}$/.test(value);
}

/** Where a fault of ours happened: the stack's frames without its first lines, which repeat the message. */
function framesOf(error: Error): string[] {
  const lines = (error.stack ?? '').split('\n');
  return lines
    .filter((line) => /^ {4}at .*:\d+:\d+\)?$/.test(line))
    .slice(0, MAX_FRAMES)
    .map((line) => line.trim());
}
