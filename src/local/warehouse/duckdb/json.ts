import { EngineError } from '../engine.ts';
import { strftimePattern } from './datetime-pattern.ts';
import { parseDuckType } from './duck-type-text.ts';
import { unsupported } from './errors.ts';
import { quoteText } from './literal.ts';
import type { WarehouseType } from './types.ts';

/**
 * `to_json`. What it writes depends on types that only DuckDB's binder knows. So a statement that calls it is
 * translated twice: first with each call replaced by one that reports its argument's type while the statement is
 * prepared, then with an expression made for that type.
 */
export interface JsonCalls {
  encode(argument: string, options: JsonOptions): string;
}

export interface JsonOptions {
  readonly ignoreNullFields: boolean;
  /** strftime patterns. */
  readonly timestampPattern: string;
  readonly timestampNtzPattern: string;
  readonly datePattern: string;
}

/** Name of the scalar function that reports `(call, typeof(argument))`; DuckDB folds it while it prepares. */
export const TYPE_REPORT_FUNCTION = 'lf_report_type';

/** Throws for an option that is not understood: another text would come out in silence. */
export function jsonOptions(given: Readonly<Record<string, string>>): JsonOptions {
  const known = ['ignorenullfields', 'timestampformat', 'timestampntzformat', 'dateformat', 'timezone'];
  const options = new Map(Object.entries(given).map(([name, value]) => [name.toLowerCase(), value]));
  for (const name of options.keys()) {
    if (!known.includes(name)) throw unsupported(`the to_json option ${name}`);
  }
  if (!/^(utc|z|etc\/utc)$/i.test(options.get('timezone') ?? 'UTC'))
    throw unsupported('time zones other than UTC');
  return {
    ignoreNullFields: (options.get('ignorenullfields') ?? 'true').toLowerCase() === 'true',
    timestampPattern: strftimePattern(
      options.get('timestampformat') ?? "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]",
      true,
    ),
    timestampNtzPattern: strftimePattern(
      options.get('timestampntzformat') ?? "yyyy-MM-dd'T'HH:mm:ss[.SSS]",
      false,
    ),
    datePattern: strftimePattern(options.get('dateformat') ?? 'yyyy-MM-dd', false),
  };
}

/** First translation: `report` names the run in the type reports. */
export class JsonProbe implements JsonCalls {
  readonly report: string;
  calls = 0;

  constructor(report: string) {
    this.report = report;
  }

  encode(argument: string): string {
    const call = this.calls;
    this.calls += 1;
    return `${TYPE_REPORT_FUNCTION}('${this.report}:${call}', typeof(${argument}))`;
  }
}

/** Second translation: `types` holds `typeof` per call; a call without one stands where nothing reads it. */
export class TypedJson implements JsonCalls {
  readonly #types: ReadonlyMap<number, string>;
  #calls = 0;

  constructor(types: ReadonlyMap<number, string>) {
    this.#types = types;
  }

  encode(argument: string, options: JsonOptions): string {
    const text = this.#types.get(this.#calls);
    this.#calls += 1;
    if (text === undefined) return `cast(json_quote(${argument}) as varchar)`;
    const type = parseDuckType(text);
    if (type.kind !== 'struct' && type.kind !== 'map' && type.kind !== 'array') {
      throw new EngineError(
        'DATATYPE_MISMATCH.INVALID_JSON_SCHEMA',
        '42K09',
        'to_json takes a struct, map or array.',
      );
    }
    return encodeValue(argument, type, options, 0);
  }
}

/** An expression that is NULL for NULL. */
function encodeValue(value: string, type: WarehouseType, options: JsonOptions, depth: number): string {
  const inner = (of: string, ofType: WarehouseType) => encodeValue(of, ofType, options, depth + 1);
  const each = `lf_e${depth}`;
  switch (type.kind) {
    case 'array':
      return `('[' || array_to_string(list_transform(${value}, lambda ${each}: coalesce(${inner(each, type.element)}, 'null')), ',') || ']')`;
    case 'map': {
      const entry = `json_quote(lf_to_string(${each}.key)) || ':' || coalesce(${inner(`${each}.value`, type.value)}, 'null')`;
      return `('{' || array_to_string(list_transform(map_entries(${value}), lambda ${each}: ${entry}), ',') || '}')`;
    }
    case 'struct': {
      const fields = type.fields.map(({ name, type: of }) => {
        const text = inner(`struct_extract(${value}, ${quoteText(name)})`, of);
        return `${quoteText(`${JSON.stringify(name)}:`)} || ${options.ignoreNullFields ? text : `coalesce(${text}, 'null')`}`;
      });
      return `case when ${value} is not null then '{' || concat_ws(',', ${fields.join(', ')}) || '}' end`;
    }
    default:
      return encodeScalar(value, type, options);
  }
}

function encodeScalar(value: string, type: WarehouseType, options: JsonOptions): string {
  const quoted = (text: string) => `('"' || ${text} || '"')`;
  switch (type.kind) {
    case 'float':
    case 'double':
      return `case when isnan(${value}) then '"NaN"' when isfinite(${value}) then cast(${value} as varchar)
        when ${value} > 0 then '"Infinity"' when ${value} < 0 then '"-Infinity"' end`;
    case 'binary':
      return quoted(`base64(${value})`);
    case 'date':
      return quoted(`strftime(${value}, ${quoteText(options.datePattern)})`);
    case 'timestamp':
      return quoted(`strftime(lf_utc(${value}), ${quoteText(options.timestampPattern)})`);
    case 'timestamp_ntz':
      return quoted(`strftime(${value}, ${quoteText(options.timestampNtzPattern)})`);
    case 'string':
      return `cast(json_quote(${value}) as varchar)`;
    default:
      return `cast(${value} as varchar)`;
  }
}
