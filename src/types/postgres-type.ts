import type { DeltaType } from './delta-type.ts';

/** A Postgres type, split so that spellings of one type compare equal. */
export interface PostgresType {
  /** Name as `format_type` prints it, without modifier and brackets. */
  readonly name: string;
  readonly modifier: readonly number[];
  readonly array: boolean;
}

const SPELLINGS: Readonly<Record<string, string>> = {
  bool: 'boolean',
  int2: 'smallint',
  int: 'integer',
  int4: 'integer',
  int8: 'bigint',
  float4: 'real',
  float8: 'double precision',
  float: 'double precision',
  decimal: 'numeric',
  varchar: 'character varying',
  timestamptz: 'timestamp with time zone',
  timestamp: 'timestamp without time zone',
};

/** Returns undefined for text that is not the name of a type with optional modifier and one pair of brackets. */
export function parsePostgresType(text: string): PostgresType | undefined {
  const match =
    /^([a-z_][a-z0-9_ .]*?)\s*(?:\(\s*(\d+)\s*(?:,\s*(\d+)\s*)?\))?(\s+with(?:out)? time zone)?\s*(\[\])?$/.exec(
      text.trim().toLowerCase(),
    );
  if (!match) return undefined;
  const name = `${match[1]}${match[4]?.replace(/\s+/g, ' ') ?? ''}`;
  const modifier = [match[2], match[3]].filter((part) => part !== undefined).map(Number);
  return { name: SPELLINGS[name] ?? name, modifier, array: match[5] !== undefined };
}

/** The type of a target column that Lakeferry creates. Undefined where Delta's type has no counterpart. */
export function defaultPostgresType(type: DeltaType): string | undefined {
  switch (type.kind) {
    case 'boolean':
      return 'boolean';
    case 'tinyint':
    case 'smallint':
      return 'smallint';
    case 'int':
      return 'integer';
    case 'bigint':
      return 'bigint';
    case 'float':
      return 'real';
    case 'double':
      return 'double precision';
    case 'decimal':
      return `numeric(${type.precision},${type.scale})`;
    case 'string':
      return 'text';
    case 'binary':
      return 'bytea';
    case 'date':
      return 'date';
    case 'timestamp':
      return 'timestamp with time zone';
    case 'timestamp_ntz':
      return 'timestamp without time zone';
    case 'array':
    case 'map':
    case 'struct':
    case 'variant':
      return 'jsonb';
    case 'unknown':
      return undefined;
    default:
      return type satisfies never;
  }
}

const TEXT = ['text', 'character varying', 'citext'];
const JSON_TYPES = ['jsonb', 'json', 'text'];

/**
 * Whether each value of `type` is held by `target` unchanged or refused by Postgres with an error: what would be
 * rounded, cut or read otherwise in silence is not allowed.
 */
export function holdsWithoutLoss(type: DeltaType, target: PostgresType): boolean {
  if (type.kind === 'array' && target.array) {
    if (type.element.kind === 'array' || type.element.kind === 'map' || type.element.kind === 'struct')
      return false;
    return holdsWithoutLoss(type.element, { ...target, array: false });
  }
  if (target.array) return false;
  const unlimited = target.modifier.length === 0;
  const is = (...names: string[]) => names.includes(target.name);
  switch (type.kind) {
    case 'boolean':
      return unlimited && is('boolean', ...TEXT);
    case 'tinyint':
    case 'smallint':
    case 'int':
      return (
        (is('numeric') && scaleAtLeast(target, 0)) ||
        (unlimited && is('smallint', 'integer', 'bigint', 'double precision', ...TEXT))
      );
    case 'bigint':
      return (
        (is('numeric') && scaleAtLeast(target, 0)) ||
        (unlimited && is('smallint', 'integer', 'bigint', ...TEXT))
      );
    case 'float':
      return unlimited && is('real', 'double precision', ...TEXT);
    case 'double':
      return unlimited && is('double precision', ...TEXT);
    case 'decimal':
      if (is('numeric')) return scaleAtLeast(target, type.scale);
      return unlimited && (is(...TEXT) || (type.scale === 0 && is('smallint', 'integer', 'bigint')));
    case 'string':
      return (
        is('character varying') ||
        (unlimited && is('text', 'citext', 'uuid', 'jsonb', 'json', 'inet', 'cidr', 'macaddr'))
      );
    case 'binary':
      return unlimited && is('bytea');
    case 'date':
      return unlimited && is('date', ...TEXT);
    case 'timestamp':
      return microseconds(target) && is('timestamp with time zone', 'timestamp without time zone', ...TEXT);
    case 'timestamp_ntz':
      return microseconds(target) && is('timestamp without time zone', ...TEXT);
    case 'array':
    case 'map':
    case 'struct':
    case 'variant':
      return unlimited && is(...JSON_TYPES);
    case 'unknown':
      return false;
    default:
      return type satisfies never;
  }
}

function scaleAtLeast(target: PostgresType, scale: number): boolean {
  return target.modifier.length === 0 || (target.modifier[1] ?? 0) >= scale;
}

function microseconds(target: PostgresType): boolean {
  return target.modifier.length === 0 || (target.name.startsWith('timestamp') && target.modifier[0] === 6);
}
