import { raiseSql, USER_RAISED } from './errors.ts';

/** The schema that holds what Spark means where DuckDB means something else. */
const DIALECT_SCHEMA = 'dialect';

const DIVISION = raiseSql('DIVIDE_BY_ZERO', '22012', 'Division by zero.');
const REMAINDER = raiseSql('REMAINDER_BY_ZERO', '22012', 'Remainder by zero.');
const MALFORMED = raiseSql(
  'CAST_INVALID_INPUT',
  '22018',
  'A value is malformed for the type that it is cast to.',
);
const NO_ELEMENT = raiseSql(
  'INVALID_ARRAY_INDEX_IN_ELEMENT_AT',
  '22003',
  'An array has no element at the index.',
);
const NESTED = raiseSql(
  'UNSUPPORTED_FEATURE',
  '0A000',
  'The local warehouse does not support casting a nested value to text; use to_json.',
);

const INTEGERS = { tinyint: 'tinyint', smallint: 'smallint', int: 'integer', bigint: 'bigint' } as const;

/**
 * `typeof` of a bound expression is a constant, so DuckDB's optimizer keeps one branch of such a `case`. A branch
 * must still bind for every type, hence the `try_cast`.
 *
 * Spark truncates towards zero where DuckDB rounds, and takes no fraction in text.
 */
function integerCast(type: string, cast: 'cast' | 'try_cast'): string {
  const failure = cast === 'cast' ? MALFORMED : 'null';
  return `case
    when typeof(x) in ('DOUBLE', 'FLOAT') then ${cast}(trunc(try_cast(x as double)) as ${type})
    when starts_with(typeof(x), 'DECIMAL') then ${cast}(split_part(cast(x as varchar), '.', 1) as ${type})
    when typeof(x) = 'VARCHAR' then
      case when x is null then null
           when regexp_full_match(trim(cast(x as varchar)), '[+-]?[0-9]+') then ${cast}(trim(cast(x as varchar)) as ${type})
           else ${failure} end
    when typeof(x) = 'TIMESTAMP WITH TIME ZONE' then ${cast}(floor(epoch_us(try_cast(x as timestamptz)) / 1000000.0) as ${type})
    else ${cast}(x as ${type}) end`;
}

/** Overloads by type; none for double, as decimals would take it and lose digits. */
const TYPED_TEXT = [
  '(x varchar) as x',
  '(x timestamptz) as cast(lf_utc(x) as varchar)',
  '(x blob) as decode(x)',
  ...['boolean', 'tinyint', 'smallint', 'integer', 'bigint', 'hugeint', 'date', 'timestamp'].map(
    (type) => `(x ${type}) as cast(x as varchar)`,
  ),
  '(x) as lf_to_string(x)',
].join(', ');

const BOOLEAN_TEXT = `case
    when lower(trim(cast(x as varchar))) in ('t', 'true', 'y', 'yes', '1') then true
    when lower(trim(cast(x as varchar))) in ('f', 'false', 'n', 'no', '0') then false
    when x is null then null
    else`;

const MACROS: readonly string[] = [
  `"/"(a, b) as system.main."/"(a, case when b = 0 then ${DIVISION} else b end)`,
  `"//"(a, b) as system.main."//"(a, case when b = 0 then ${DIVISION} else b end)`,
  `"%"(a, b) as system.main."%"(a, case when b = 0 then ${REMAINDER} else b end)`,
  // Spark's LIKE has a backslash as its escape character.
  String.raw`"~~"(a, b) as like_escape(a, b, '\')`,
  String.raw`"!~~"(a, b) as not_like_escape(a, b, '\')`,
  String.raw`"~~*"(a, b) as ilike_escape(a, b, '\')`,
  String.raw`"!~~*"(a, b) as not_ilike_escape(a, b, '\')`,

  ...Object.entries(INTEGERS).flatMap(([name, type]) => [
    `lf_to_${name}(x) as ${integerCast(type, 'cast')}`,
    `lf_try_${name}(x) as ${integerCast(type, 'try_cast')}`,
  ]),
  'lf_utc(x) as make_timestamp(epoch_us(x))',
  `lf_to_string(x) as case
    when typeof(x) = 'TIMESTAMP WITH TIME ZONE' then cast(lf_utc(try_cast(x as timestamptz)) as varchar)
    when typeof(x) = 'BLOB' then decode(try_cast(x as blob))
    when right(typeof(x), 1) = ']' or starts_with(typeof(x), 'STRUCT(') or starts_with(typeof(x), 'MAP(') then ${NESTED}
    else cast(x as varchar) end`,
  'lf_text(x) as lf_to_string(x)',
  `lf_to_binary(x) as case when typeof(x) = 'VARCHAR' then encode(cast(x as varchar)) else cast(x as blob) end`,
  `lf_to_boolean(x) as case when typeof(x) = 'VARCHAR' then ${BOOLEAN_TEXT} ${MALFORMED} end else cast(x as boolean) end`,
  `lf_try_boolean(x) as case when typeof(x) = 'VARCHAR' then ${BOOLEAN_TEXT} null end else try_cast(x as boolean) end`,
  `lf_to_double(x) as case
    when typeof(x) = 'TIMESTAMP WITH TIME ZONE' then system.main."/"(epoch_us(try_cast(x as timestamptz)), 1e6)
    else cast(x as double) end`,
  `lf_to_date(x) as case
    when typeof(x) = 'TIMESTAMP WITH TIME ZONE' then cast(lf_utc(try_cast(x as timestamptz)) as date)
    else cast(x as date) end`,
  `lf_to_timestamp_ntz(x) as case
    when typeof(x) = 'TIMESTAMP WITH TIME ZONE' then lf_utc(try_cast(x as timestamptz))
    else cast(x as timestamp) end`,
  `lf_length(x) as case when typeof(x) = 'BLOB' then octet_length(try_cast(x as blob)) else length(cast(x as varchar)) end`,

  `lf_substring(s, p, n) as case
    when p > 0 then substring(s, p, n)
    when p = 0 then substring(s, 1, n)
    else substring(s, greatest(length(s) + p, 0) + 1, greatest(least(n, length(s) + p + n), 0)) end`,
  `lf_element_at(l, i) as case when i = 0 or abs(i) > len(l) then ${NO_ELEMENT} else list_extract(l, i) end`,
  'lf_sequence(a, b) as generate_series(a, b, case when b < a then -1 else 1 end)',
  `lf_pmod(a, n) as system.main."%"(system.main."%"(a, case when n = 0 then ${REMAINDER} else n end) + n, n)`,
  'lf_signed(h) as cast(cast(h as hugeint) - 9223372036854775808 as bigint)',
  'lf_try_divide(a, b) as case when b = 0 then null else system.main."/"(a, b) end',
  `lf_raise(message) as error('${USER_RAISED}' || message)`,
];

/**
 * Holds `lf_text` by overloads: for the columns of a wide query, branches by type take DuckDB's binder many times
 * as long. It cannot choose an overload for a column of an outer query or an alias of the same select list; then
 * the statement is bound again without this schema.
 */
const TYPED_SCHEMA = `${DIALECT_SCHEMA}_typed`;

export const TYPED_PATH_SQL = `set search_path = '${TYPED_SCHEMA},${DIALECT_SCHEMA},main'`;
export const UNTYPED_PATH_SQL = `set search_path = '${DIALECT_SCHEMA},main'`;

/** Instants are shown in UTC only. A connection runs this first. */
export const SESSION_SQL = `set TimeZone = 'UTC'; ${TYPED_PATH_SQL}`;

/** One script that makes or renews the dialect; a macro may use those before it. */
export const DIALECT_SQL = [
  `create schema if not exists ${DIALECT_SCHEMA}`,
  `create schema if not exists ${TYPED_SCHEMA}`,
  SESSION_SQL,
  ...MACROS.map((macro) => `create or replace macro ${DIALECT_SCHEMA}.${macro}`),
  `create or replace macro ${TYPED_SCHEMA}.lf_text${TYPED_TEXT}`,
].join(';\n');
