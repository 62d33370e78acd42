import { type Call, type Emit, exactly, literalText } from './call.ts';
import { castSql, tryCastSql } from './casts.ts';
import { Cursor, isSymbol, isWord } from './cursor.ts';
import { strftimePattern } from './datetime-pattern.ts';
import { syntaxError, unsupported } from './errors.ts';
import { jsonOptions } from './json.ts';
import { quoteName, quoteText } from './literal.ts';
import type { ExpressionTranslator } from './rewrite-context.ts';
import { TEXT_FUNCTIONS } from './text-functions.ts';
import type { Node } from './tokenizer.ts';
import { parseType, scalarType } from './types.ts';

/** Functions that mean the same in DuckDB under the same name. */
const SAME = new Set(
  `abs acos any_value approx_count_distinct array_contains ascii asin atan atan2 avg bit_and bit_or bit_xor bool_and
  bool_or cbrt char_length coalesce contains corr cos count count_if covar_pop covar_samp cume_dist date_trunc
  day degrees dense_rank exp first first_value flatten greatest hex hour if ifnull instr isnan lag last
  last_day last_value lead least left len ln log10 log2 lower ltrim map_entries map_keys map_values max max_by md5
  mean median min min_by minute mode month nth_value ntile nullif percent_rank pi pow power quarter radians rank
  repeat reverse right row_number rtrim sign sin split_part sqrt stddev stddev_pop stddev_samp
  sum tan translate trim unhex upper var_pop var_samp variance year grouping`.split(/\s+/),
);

/** Functions that DuckDB has under another name. */
const RENAMED: Readonly<Record<string, string>> = {
  array_max: 'list_max',
  array_min: 'list_min',
  array_size: 'len',
  char: 'chr',
  character_length: 'char_length',
  chr: 'chr',
  element_at: 'lf_element_at',
  endswith: 'ends_with',
  every: 'bool_and',
  explode: 'unnest',
  length: 'lf_length',
  map_from_arrays: 'map',
  nvl: 'ifnull',
  pmod: 'lf_pmod',
  raise_error: 'lf_raise',
  rand: 'random',
  regexp_like: 'regexp_matches',
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

const SPECIAL: Readonly<Record<string, Emit>> = {
  ...TEXT_FUNCTIONS,
  cast: (call) => castCall(call, castSql),
  try_cast: (call) => castCall(call, tryCastSql),

  ceil: (call) => `cast(ceil(${exactly(call, 1)[0]}) as bigint)`,
  ceiling: (call) => `cast(ceil(${exactly(call, 1)[0]}) as bigint)`,
  floor: (call) => `cast(floor(${exactly(call, 1)[0]}) as bigint)`,
  round: ({ args, rewriter }) => `round(${args.map((nodes) => rewriter.expression(nodes)).join(', ')})`,
  mod: (call) => {
    const [a, b] = exactly(call, 2);
    return `((${a}) % (${b}))`;
  },
  // DuckDB holds no other text.
  is_valid_utf8: (call) => `(cast(${exactly(call, 1)[0]} as varchar) is not null or null)`,
  isnull: (call) => `((${exactly(call, 1)[0]}) is null)`,
  isnotnull: (call) => `((${exactly(call, 1)[0]}) is not null)`,
  nvl2: (call) => {
    const [value, some, none] = exactly(call, 3);
    return `(case when ${value} is not null then ${some} else ${none} end)`;
  },
  xxhash64: ({ args, rewriter }) =>
    `lf_signed(hash(${args.map((nodes) => rewriter.expression(nodes)).join(', ')}))`,
  current_user: () => "'local'",
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
  array_sort: (call) => `list_sort(${exactly(call, 1)[0]}, 'ASC', 'NULLS LAST')`,
  sequence: (call) => {
    const bounds = call.args.map((nodes) => call.rewriter.expression(nodes)).join(', ');
    return `${call.args.length === 2 ? 'lf_sequence' : 'generate_series'}(${bounds})`;
  },
  transform: (call) => lambdaCall(call, 'list_transform'),
  transform_keys: (call) => mapLambda(call, 'keys'),
  transform_values: (call) => mapLambda(call, 'values'),
  filter: (call) => lambdaCall(call, 'list_filter'),

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

function castCall(call: Call, emit: typeof castSql): string {
  const as = call.items.findLastIndex((node) => isWord(node, 'AS'));
  if (as <= 0) throw syntaxError('cast takes a value, AS and a type.');
  const cursor = new Cursor(call.items.slice(as + 1));
  const type = parseType(cursor);
  cursor.end();
  return emit(call.rewriter.expression(call.items.slice(0, as)), type);
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

/** A lambda of key and value that reads the one which it makes anew; DuckDB does not know the other's name. */
function mapLambda({ args, name, rewriter }: Call, part: 'keys' | 'values'): string {
  const [nodes, [parameters, arrow, ...body] = []] = args;
  const names =
    parameters?.kind === 'group'
      ? parameters.items.flatMap((node) => (node.kind === 'word' ? [node.text] : []))
      : [];
  const parameter = names[part === 'keys' ? 0 : 1];
  if (
    args.length !== 2 ||
    !nodes ||
    names.length !== 2 ||
    parameter === undefined ||
    !isSymbol(arrow, '->')
  ) {
    throw unsupported(`${name} without a lambda of two parameters`);
  }
  const map = rewriter.expression(nodes);
  const list = (of: 'keys' | 'values') => {
    const values = `map_${of}(${map})`;
    if (of !== part) return values;
    return `list_transform(${values}, lambda ${quoteName(parameter)}: ${rewriter.expression(body)})`;
  };
  return `case when ${map} is not null then map(${list('keys')}, ${list('values')}) end`;
}
