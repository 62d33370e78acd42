import type { DeltaType } from './delta-type.ts';
import type { PostgresType } from './postgres-type.ts';

/**
 * Expressions in Databricks SQL that turn a column into one field of Postgres' COPY text format
 * (https://www.postgresql.org/docs/current/sql-copy.html, "Text Format"). Only `chr(n)` makes a backslash, since
 * dialects differ in what a backslash in a literal means. The session's time zone is UTC.
 */
export const TAB = 'chr(9)';
export const NEWLINE = 'chr(10)';
const BACKSLASH = 'chr(92)';
const NUL = 'chr(0)';
/** Cannot stand unescaped in JSON text, so it may hold a place there. */
const PLACEHOLDER = 'chr(1)';

/** COPY's NULL. */
export const NULL_FIELD = `concat(${BACKSLASH}, 'N')`;

/** Times in JSON. */
export const TIMESTAMP_PATTERN = 'yyyy-MM-dd HH:mm:ss.SSSSSSXXX';
export const TIMESTAMP_NTZ_PATTERN = 'yyyy-MM-dd HH:mm:ss.SSSSSS';

/** `to_json` drops null fields and cuts times to milliseconds unless told otherwise. */
const JSON_OPTIONS = `map('ignoreNullFields', 'false', 'timestampFormat', '${TIMESTAMP_PATTERN}', 'timestampNTZFormat', '${TIMESTAMP_NTZ_PATTERN}')`;

export interface FieldEncoding {
  /** A SQL expression that is never NULL: the field's text, or `\N`. */
  readonly field: string;
  /** SQL conditions under which Postgres could not hold the value, or would cut it in silence. */
  readonly rejections: readonly Rejection[];
}

export interface Rejection {
  readonly reason: 'nul_character' | 'invalid_utf8' | 'too_long' | 'out_of_range';
  readonly when: string;
}

/** `column` is a SQL expression of the given type. With `strip`, U+0000 is taken out and never a reason to reject. */
export function encodeField(
  column: string,
  type: DeltaType,
  target: PostgresType,
  nulCharacters: 'reject' | 'strip',
): FieldEncoding {
  const form = textForm(column, type, target);
  const text = form.nul && nulCharacters === 'strip' ? form.nul.strip : form.text;
  const escaped = form.needsEscape ? escapeField(text) : text;
  const rejections: Rejection[] = [];
  if (form.nul && nulCharacters === 'reject')
    rejections.push({ reason: 'nul_character', when: form.nul.found });
  if (form.malformed) rejections.push({ reason: 'invalid_utf8', when: form.malformed });
  const limit = target.name === 'character varying' && !target.array ? target.modifier[0] : undefined;
  // Postgres refuses text that is too long for varchar(n), but cuts blanks at its end without a word.
  if (limit !== undefined) rejections.push({ reason: 'too_long', when: `length(${text}) > ${limit}` });
  const beyond = outOfRange(column, type, target);
  if (beyond !== undefined) rejections.push({ reason: 'out_of_range', when: beyond });
  return { field: `coalesce(${escaped}, ${NULL_FIELD})`, rejections };
}

/** Spark prints years before 1 and after 9999 with a sign, which Postgres takes for a time zone's. */
function outOfRange(column: string, { kind }: DeltaType, target: PostgresType): string | undefined {
  if (target.name === 'text' || target.name === 'citext' || target.name === 'character varying')
    return undefined;
  switch (kind) {
    case 'date':
      return `${column} < date'0001-01-01' or ${column} > date'9999-12-31'`;
    case 'timestamp':
    case 'timestamp_ntz':
      return `${column} < ${kind}'0001-01-01 00:00:00' or ${column} > ${kind}'9999-12-31 23:59:59.999999'`;
    default:
      return undefined;
  }
}

/** A field of COPY text from text that may hold any character but U+0000. NULL stays NULL. */
export function escapeField(text: string): string {
  const escapes = [
    [BACKSLASH, `concat(${BACKSLASH}, ${BACKSLASH})`],
    [TAB, `concat(${BACKSLASH}, 't')`],
    [NEWLINE, `concat(${BACKSLASH}, 'n')`],
    ['chr(13)', `concat(${BACKSLASH}, 'r')`],
  ];
  return escapes.reduce((inner, [character, escaped]) => `replace(${inner}, ${character}, ${escaped})`, text);
}

/**
 * The field of a key's column where its row is put aside: what Postgres would print of the value, so that the key is
 * known again when its row is written. U+0000 is left out.
 */
export function shownField(column: string, { kind }: DeltaType): string {
  return `coalesce(${escapeField(shownText(column, kind))}, ${NULL_FIELD})`;
}

function shownText(column: string, kind: DeltaType['kind']): string {
  switch (kind) {
    case 'string':
      return withoutNul(column);
    case 'binary':
      return `concat(${BACKSLASH}, 'x', lower(hex(${column})))`;
    case 'timestamp':
      return `concat(cast(${column} as string), '+00')`;
    default:
      return `cast(${column} as string)`;
  }
}

function withoutNul(text: string): string {
  return `replace(${text}, ${NUL}, '')`;
}

interface TextForm {
  /** Expression for the text that the Postgres type's input function reads; NULL for NULL. */
  readonly text: string;
  readonly needsEscape: boolean;
  readonly nul?: { readonly found: string; readonly strip: string };
  /** Condition under which the text's bytes are not UTF-8: a driver would show other characters in their place. */
  readonly malformed?: string;
}

function textForm(column: string, type: DeltaType, target: PostgresType): TextForm {
  switch (type.kind) {
    case 'boolean':
    case 'tinyint':
    case 'smallint':
    case 'int':
    case 'bigint':
    case 'float':
    case 'double':
    case 'decimal':
    case 'date':
    case 'timestamp_ntz':
      return { text: `cast(${column} as string)`, needsEscape: false };
    case 'timestamp':
      return { text: utcTimestamp(column), needsEscape: false };
    case 'binary':
      return { text: `concat(${BACKSLASH}, 'x', hex(${column}))`, needsEscape: true };
    case 'string':
      return {
        text: `cast(${column} as string)`,
        needsEscape: true,
        nul: { found: `instr(${column}, ${NUL}) > 0`, strip: withoutNul(column) },
        malformed: `not is_valid_utf8(${column})`,
      };
    case 'array':
      return target.array ? arrayForm(column, type.element, target) : jsonForm(column);
    case 'map':
    case 'struct':
    case 'variant':
      return jsonForm(column);
    case 'unknown':
      throw new RangeError(`no encoding for the Delta type ${type.text}`);
    default:
      return type satisfies never;
  }
}

/** `2024-01-31 10:20:30.123456Z`, from a TIMESTAMP in a session whose zone is UTC. */
export function utcTimestamp(column: string): string {
  return `concat(cast(${column} as string), 'Z')`;
}

/**
 * U+0000 stands in JSON text as the escape of six characters; a doubled backslash before `u0000` is another
 * thing. Doubled backslashes pair up from the left, so they are set aside first.
 */
function jsonForm(column: string): TextForm {
  const json = `to_json(${column}, ${JSON_OPTIONS})`;
  const doubled = `concat(${BACKSLASH}, ${BACKSLASH})`;
  const nul = `concat(${BACKSLASH}, 'u0000')`;
  return {
    text: json,
    needsEscape: true,
    nul: {
      found: `instr(replace(${json}, ${doubled}, ''), ${nul}) > 0`,
      strip: `replace(replace(replace(${json}, ${doubled}, ${PLACEHOLDER}), ${nul}, ''), ${PLACEHOLDER}, ${doubled})`,
    },
  };
}

/** Postgres' array literal: `{"a","b",NULL}` with quotes and backslashes escaped inside the quotes. */
function arrayForm(column: string, element: DeltaType, target: PostgresType): TextForm {
  const form = textForm('e', element, { ...target, array: false });
  const quote = (text: string) =>
    `concat('"', replace(replace(${text}, ${BACKSLASH}, concat(${BACKSLASH}, ${BACKSLASH})), '"', concat(${BACKSLASH}, '"')), '"')`;
  const literal = (text: string) =>
    `concat('{', array_join(transform(${column}, e -> coalesce(${quote(text)}, 'NULL')), ','), '}')`;
  const whole = { text: literal(form.text), needsEscape: true };
  if (!form.nul) return whole;
  return {
    ...whole,
    nul: { found: `instr(array_join(${column}, ''), ${NUL}) > 0`, strip: literal(form.nul.strip) },
    malformed: `not is_valid_utf8(array_join(${column}, ' '))`,
  };
}
