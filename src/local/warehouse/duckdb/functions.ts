import { castSql, tryCastSql } from './casts.ts';
import { Cursor, isSymbol, isWord } from './cursor.ts';
import { strftimePattern } from './datetime-pattern.ts';
import { syntaxError, unsupported } from './errors.ts';
import { jsonOptions } from './json.ts';
import { quoteName, quoteText } from './literal.ts';
import type { ExpressionTranslator } from './rewrite-context.ts';
import { isNeverNull, isText } from './static-facts.ts';
import type { Node } from './tokenizer.ts';
import { parseType, scalarType } from './types.ts';

/** A function call of the statement, its arguments still in the Databricks dialect. */
export interface Call {
  readonly name: string;
  readonly args: readonly (readonly Node[])[];
  /** Everything between the parentheses. */
  readonly items: readonly Node[];
  /** The node behind the call. */
  readonly following: Node | undefined;
  readonly rewriter: ExpressionTranslator;
}

/** Functions that mean the same in DuckDB under the same name. */
const SAME = new Set(
  `abs acos any_value approx_count_distinct array_contains ascii asin atan atan2 avg bit_and bit_or bit_xor bool_and
  bool_or cbrt char_length coalesce contains corr cos count count_if covar_pop covar_samp cume_dist date_trunc
  day degrees dense_rank exp extract first first_value flatten greatest hex hour if ifnull instr isnan lag last
  last_day last_value lead least left len ln log10 log2 lower ltrim map_entries map_keys map_values max max_by md5
  mean median min min_by minute mode month nth_value ntile nullif percent_rank pi pow power quarter radians rank
  repeat replace reverse right row_number rtrim sign sin split_part sqrt stddev stddev_pop stddev_samp
  string_agg substr substring sum tan translate trim unhex upper var_pop var_samp variance year grouping`.split(
    /\s+/,
  ),
);

/** Functions that DuckDB has under another name. */
const RENAMED: Readonly<Record<string, string>> = {
  array_distinct: 'list_distinct',
  array_join: 'array_to_string',
  array_max: 'list_max',
  array_min: 'list_min',
  array_size: 'len',
  array_sort: 'list_sort',
  char: 'chr',
  character_length: 'char_length',
  chr: 'chr',
  element_at: 'list_extract',
  endswith: 'ends_with',
  every: 'bool_and',
  explode: 'unnest',
  length: 'lf_length',
  listagg: 'string_agg',
  map_from_arrays: 'map',
  nvl: 'ifnull',
  pmod: 'lf_pmod',
  raise_error: 'lf_raise',
  rand: 'random',
  regexp_like: 'regexp_matches',
  sequence: 'generate_series',
  size: 'len',
  signum: 'sign',
  some: 'bool_or',
  startswith: 'starts_with',
  std: 'stddev',
  timestamp_micros: 'make_timestamptz',
  try_divide: 'lf_try_divide',
  unbase64: 'from_base64',
  unix_micros: 'epoch_us',
  unix_millis: 'epoch_ms',
};

type Emit = (call: Call) => string;

const SPECIAL: Readonly<Record<string, Emit>> = {
  cast: (call) => castCall(call, castSql),
  try_cast: (call) => castCall(call, tryCastSql),

  concat: ({ args, rewriter }) => {
    const texts = args.map((nodes) => textArgument(nodes, rewriter));
    if (args.every(isNeverNull)) return `concat(${texts.join(', ')})`;
    return `(${texts.join(' || ')})`;
  },
  concat_ws: ({ args, rewriter }) =>
    `concat_ws(${args.map((nodes) => textArgument(nodes, rewriter)).join(', ')})`,
  lpad: (call) => pad(call, 'lpad'),
  rpad: (call) => pad(call, 'rpad'),
  locate: (call) => {
    const [sought, text] = exactly(call, 2);
    return `instr(${text}, ${sought})`;
  },
  split: (call) => {
    const [text, pattern] = exactly(call, 2);
    return `regexp_split_to_array(${text}, ${pattern})`;
  },
  regexp_replace: (call) => {
    const [text, pattern, replacement] = exactly(call, 3);
    const written = call.args[2];
    if (!written?.every((node) => node.kind === 'string' && !/[$\\]/.test(node.text))) {
      throw unsupported('regexp_replace with anything but a plain text as replacement');
    }
    return `regexp_replace(${text}, ${pattern}, ${replacement}, 'g')`;
  },
  base64: (call) => `base64(lf_to_binary(${exactly(call, 1)[0]}))`,
  encode: (call) => utf8(call, 'encode'),
  decode: (call) => utf8(call, 'decode'),
  sha2: (call) => {
    const [value, bits] = exactly(call, 2);
    if (bits !== '256') throw unsupported('sha2 with a length other than 256');
    return `sha256(${value})`;
  },

  ceil: (call) => `cast(ceil(${exactly(call, 1)[0]}) as bigint)`,
  ceiling: (call) => `cast(ceil(${exactly(call, 1)[0]}) as bigint)`,
  floor: (call) => `cast(floor(${exactly(call, 1)[0]}) as bigint)`,
  round: ({ args, rewriter }) => `round(${args.map((nodes) => rewriter.expression(nodes)).join(', ')})`,
  mod: (call) => {
    const [a, b] = exactly(call, 2);
    return `((${a}) % (${b}))`;
  },
  isnull: (call) => `((${exactly(call, 1)[0]}) is null)`,
  isnotnull: (call) => `((${exactly(call, 1)[0]}) is not null)`,
  nvl2: (call) => {
    const [value, some, none] = exactly(call, 3);
    return `(case when ${value} is not null then ${some} else ${none} end)`;
  },
  xxhash64: ({ args, rewriter }) =>
    `lf_signed(hash(${args.map((nodes) => rewriter.expression(nodes)).join(', ')}))`,
  uuid: () => 'cast(uuid() as varchar)',
  typeof: (call) => `lf_delta_type(typeof(${exactly(call, 1)[0]}))`,

  current_timestamp: ({ rewriter }) => rewriter.now(),
  now: ({ rewriter }) => rewriter.now(),
  current_date: ({ rewriter }) => `cast(lf_utc(${rewriter.now()}) as date)`,
  current_catalog: ({ rewriter }) => quoteText(rewriter.context.catalog),
  current_schema: ({ rewriter }) => quoteText(rewriter.context.schema),
  current_database: ({ rewriter }) => quoteText(rewriter.context.schema),
  date_format: (call) => {
    const [value] = exactly(call, 2);
    return `strftime(lf_to_timestamp_ntz(${value}), ${quoteText(strftimePattern(literalText(call, 1), true))})`;
  },
  to_date: (call) => `lf_to_date(${exactly(call, 1)[0]})`,
  to_timestamp: (call) => `cast(${exactly(call, 1)[0]} as timestamptz)`,
  date_add: (call) => {
    const [date, days] = exactly(call, 2);
    return `(lf_to_date(${date}) + cast(${days} as integer))`;
  },
  date_sub: (call) => {
    const [date, days] = exactly(call, 2);
    return `(lf_to_date(${date}) - cast(${days} as integer))`;
  },
  datediff: (call) => {
    const [end, start] = exactly(call, 2);
    return `cast(lf_to_date(${end}) - lf_to_date(${start}) as integer)`;
  },
  dayofweek: (call) => `(dayofweek(${exactly(call, 1)[0]}) + 1)`,
  dayofyear: (call) => `dayofyear(${exactly(call, 1)[0]})`,
  dayofmonth: (call) => `day(${exactly(call, 1)[0]})`,
  weekofyear: (call) => `weekofyear(${exactly(call, 1)[0]})`,
  second: (call) => `cast(floor(second(${exactly(call, 1)[0]})) as integer)`,
  timestamp_seconds: (call) => `make_timestamptz(cast((${exactly(call, 1)[0]}) * 1000000 as bigint))`,
  timestamp_millis: (call) => `make_timestamptz((${exactly(call, 1)[0]}) * 1000)`,
  unix_seconds: (call) => `cast(floor(epoch_us(${exactly(call, 1)[0]}) / 1000000.0) as bigint)`,
  make_date: (call) => {
    const [year, month, day] = exactly(call, 3);
    return `make_date(${year}, ${month}, ${day})`;
  },

  array: ({ args, rewriter }) => `[${args.map((nodes) => rewriter.expression(nodes)).join(', ')}]`,
  map: ({ args, rewriter }) => {
    if (args.length % 2 !== 0) throw syntaxError('map takes pairs of a key and a value.');
    const values = args.map((nodes) => rewriter.expression(nodes));
    const part = (rest: number) => values.filter((_, index) => index % 2 === rest).join(', ');
    return `map([${part(0)}], [${part(1)}])`;
  },
  struct: ({ args, rewriter }) => structSql(args.map((nodes, index) => structField(nodes, index, rewriter))),
  named_struct: (call) => {
    if (call.args.length % 2 !== 0) throw syntaxError('named_struct takes pairs of a name and a value.');
    const fields: [string, string][] = [];
    for (let index = 0; index < call.args.length; index += 2) {
      fields.push([literalText(call, index), call.rewriter.expression(call.args[index + 1] ?? [])]);
    }
    return structSql(fields);
  },
  sort_array: ({ args, rewriter }) => {
    const descending = args.length === 2 && isWord(args[1]?.[0], 'FALSE');
    const order = descending ? "'DESC', 'NULLS LAST'" : "'ASC', 'NULLS FIRST'";
    return `list_sort(${rewriter.expression(args[0] ?? [])}, ${order})`;
  },
  transform: (call) => lambdaCall(call, 'list_transform'),
  filter: (call) => lambdaCall(call, 'list_filter'),

  collect_list: (call) => collect(call, ''),
  collect_set: (call) => collect(call, 'distinct '),
  to_json: (call) => {
    const [value, options] = call.args;
    if (!value || call.args.length > 2) throw syntaxError('to_json takes a value and a map of options.');
    const argument = call.rewriter.expression(value);
    return call.rewriter.context.json.encode(argument, jsonOptions(options ? literalMap(options) : {}));
  },
};

/** The call in DuckDB's dialect. A function that is not known here is refused: DuckDB's own may mean another thing. */
export function functionSql(call: Call): string {
  const name = call.name.toLowerCase();
  const special = Object.hasOwn(SPECIAL, name) ? SPECIAL[name] : undefined;
  if (special) return special(call);
  const type = scalarType(name);
  if (type) return castSql(exactly(call, 1)[0] as string, type);
  const renamed = Object.hasOwn(RENAMED, name) ? RENAMED[name] : undefined;
  if (renamed === undefined && !SAME.has(name)) throw unsupported(`the function ${name}`);
  return `${renamed ?? name}(${call.rewriter.expression(call.items)})`;
}

function exactly(call: Call, count: number): string[] {
  if (call.args.length !== count) {
    throw syntaxError(`The function ${call.name} takes ${count} argument${count === 1 ? '' : 's'} here.`);
  }
  return call.args.map((nodes) => call.rewriter.expression(nodes));
}

function castCall(call: Call, emit: typeof castSql): string {
  const as = call.items.findLastIndex((node) => isWord(node, 'AS'));
  if (as <= 0) throw syntaxError('cast takes a value, AS and a type.');
  const cursor = new Cursor(call.items.slice(as + 1));
  const type = parseType(cursor);
  cursor.end();
  return emit(call.rewriter.expression(call.items.slice(0, as)), type);
}

/** Everything but text is turned into text as Spark prints it; what is text already stays as it is. */
function textArgument(nodes: readonly Node[], rewriter: ExpressionTranslator): string {
  const sql = rewriter.expression(nodes);
  return isText(nodes) ? sql : `lf_to_string(${sql})`;
}

function pad(call: Call, name: string): string {
  const args = call.args.map((nodes) => call.rewriter.expression(nodes));
  if (args.length === 2) args.push("' '");
  return `${name}(${args.join(', ')})`;
}

function utf8(call: Call, name: string): string {
  if (!/^utf-?8$/i.test(literalText(call, 1))) throw unsupported('character sets other than UTF-8');
  return `${name}(${exactly(call, 2)[0]})`;
}

function literalText(call: Call, index: number): string {
  const nodes = call.args[index] ?? [];
  const [node] = nodes;
  if (nodes.length !== 1 || node?.kind !== 'string') {
    throw unsupported(`${call.name} without a text literal as argument ${index + 1}`);
  }
  return node.text;
}

/** The entries of `map('a', 'b', …)`. */
function literalMap(nodes: readonly Node[]): Record<string, string> {
  const [word, group] = nodes;
  if (!isWord(word, 'MAP') || group?.kind !== 'group')
    throw unsupported('options that are no map of text literals');
  const texts = group.items
    .filter((node) => !isSymbol(node, ','))
    .map((node) => (node.kind === 'string' ? node.text : undefined));
  const entries: Record<string, string> = {};
  for (let index = 0; index < texts.length; index += 2) {
    const [name, value] = [texts[index], texts[index + 1]];
    if (name === undefined || value === undefined)
      throw unsupported('options that are no map of text literals');
    entries[name] = value;
  }
  return entries;
}

function structSql(fields: readonly (readonly [string, string])[]): string {
  return `struct_pack(${fields.map(([name, value]) => `${quoteName(name)} := ${value}`).join(', ')})`;
}

/** A field of `struct(…)` has the name of its alias or column, else `col1`, `col2`, … */
function structField(
  nodes: readonly Node[],
  index: number,
  rewriter: ExpressionTranslator,
): [string, string] {
  const last = nodes.at(-1);
  const named = last?.kind === 'word' || last?.kind === 'quoted' ? last.text : undefined;
  if (named !== undefined && isWord(nodes.at(-2), 'AS'))
    return [named, rewriter.expression(nodes.slice(0, -2))];
  const path = nodes.every((node, at) =>
    at % 2 === 1 ? isSymbol(node, '.') : node.kind === 'word' || node.kind === 'quoted',
  );
  return [named !== undefined && path ? named : `col${index + 1}`, rewriter.expression(nodes)];
}

/** A lambda of one parameter; with two, Spark's index starts at 0 and DuckDB's at 1. */
function lambdaCall(call: Call, name: string): string {
  const [list, lambda] = call.args;
  const [parameter, arrow, ...body] = lambda ?? [];
  if (call.args.length !== 2 || !list || parameter?.kind !== 'word' || !isSymbol(arrow, '->')) {
    throw unsupported(`${call.name} without a lambda of one parameter`);
  }
  const { rewriter } = call;
  return `${name}(${rewriter.expression(list)}, lambda ${quoteName(parameter.text)}: ${rewriter.expression(body)})`;
}

/** NULLs are left out, and no rows give an empty array. */
function collect(call: Call, quantifier: string): string {
  const distinct = isWord(call.items[0], 'DISTINCT');
  if (isWord(call.following, 'FILTER', 'WITHIN'))
    throw unsupported(`${call.name} with ${call.following?.kind === 'word' ? call.following.text : ''}`);
  const value = call.rewriter.expression(distinct ? call.items.slice(1) : call.items);
  const list = `list(${distinct ? 'distinct ' : quantifier}${value}) filter (where ${value} is not null)`;
  return isWord(call.following, 'OVER') ? list : `coalesce(${list}, [])`;
}
