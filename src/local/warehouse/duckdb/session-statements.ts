import { EngineError, type EngineResult } from '../engine.ts';
import { type Namespace, resolveSchema } from './catalog.ts';
import type { Cursor } from './cursor.ts';
import { unsupported } from './errors.ts';
import { quoteText } from './literal.ts';
import { NO_RESULT, rowsResult } from './result.ts';
import type { StatementContext } from './statement-context.ts';

/** `CREATE CATALOG [IF NOT EXISTS] c` and `CREATE SCHEMA [IF NOT EXISTS] [c.]s`, from behind CREATE. */
export function createNamespace(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  const isCatalog = cursor.take('CATALOG');
  if (!isCatalog && !cursor.take('DATABASE')) cursor.expect('SCHEMA');
  const ifNotExists = cursor.take('IF', 'NOT', 'EXISTS');
  const name = cursor.dottedName();
  if (cursor.take('COMMENT')) cursor.string();
  cursor.end();
  const { catalog } = context.database;
  return context.database.exclusive(async () => {
    if (isCatalog) {
      const added = (name[0] as string).toLowerCase();
      if (name.length > 1) throw unsupported('catalog names of more than one part');
      if (catalog.hasCatalog(added)) return existing(ifNotExists, 'CATALOG_ALREADY_EXISTS', 'catalog', added);
      await remember(context, added, 'default');
      catalog.addCatalog(added);
      return NO_RESULT;
    }
    const namespace = resolveSchema(name, context.session.namespace);
    if (catalog.hasSchema(namespace)) {
      return existing(ifNotExists, 'SCHEMA_ALREADY_EXISTS', 'schema', namespace.schema);
    }
    catalog.schemas(namespace.catalog);
    await remember(context, namespace.catalog, namespace.schema);
    catalog.addSchema(namespace);
    return NO_RESULT;
  });
}

function existing(tolerated: boolean, errorClass: string, what: string, name: string): EngineResult {
  if (tolerated) return NO_RESULT;
  throw new EngineError(errorClass, '42P06', `The ${what} \`${name}\` already exists.`);
}

async function remember(context: StatementContext, catalog: string, schema: string): Promise<void> {
  await context.connection.run(
    `insert into meta.schemas values (${quoteText(catalog)}, ${quoteText(schema)})`,
  );
}

/** Makes the schema, and its catalog, where it is missing. For who has the turn to write. */
export async function ensureSchema(context: StatementContext, { catalog, schema }: Namespace): Promise<void> {
  const known = context.database.catalog;
  if (known.hasSchema({ catalog, schema })) return;
  await remember(context, catalog, schema);
  known.addCatalog(catalog);
  known.addSchema({ catalog, schema });
}

/** `DROP SCHEMA [IF EXISTS] [c.]s [RESTRICT]`, from behind DROP: the schema must be empty. */
export function dropSchema(context: StatementContext, cursor: Cursor): Promise<EngineResult> {
  if (!cursor.take('DATABASE')) cursor.expect('SCHEMA');
  const ifExists = cursor.take('IF', 'EXISTS');
  const name = cursor.dottedName();
  cursor.take('RESTRICT');
  if (!cursor.done) throw unsupported('DROP SCHEMA … CASCADE');
  const { catalog } = context.database;
  return context.database.exclusive(async () => {
    const namespace = resolveSchema(name, context.session.namespace);
    if (ifExists && !catalog.hasSchema(namespace)) return NO_RESULT;
    catalog.requireSchema(namespace);
    if (catalog.tables(namespace).length > 0) {
      throw new EngineError('SCHEMA_NOT_EMPTY', '2BP01', `The schema \`${namespace.schema}\` is not empty.`);
    }
    await context.connection.run(
      `delete from meta.schemas where catalog = ${quoteText(namespace.catalog)} and schema = ${quoteText(namespace.schema)}`,
    );
    catalog.removeSchema(namespace);
    return NO_RESULT;
  });
}

/** `USE [CATALOG c | [SCHEMA] [c.]s]`, from behind USE. */
export function use(context: StatementContext, cursor: Cursor): EngineResult {
  const { session, database } = context;
  if (cursor.take('CATALOG')) {
    const catalog = cursor.name().toLowerCase();
    cursor.end();
    database.catalog.schemas(catalog);
    session.namespace = { catalog, schema: 'default' };
    return NO_RESULT;
  }
  if (!cursor.take('SCHEMA')) cursor.take('DATABASE');
  const namespace = resolveSchema(cursor.dottedName(), session.namespace);
  cursor.end();
  database.catalog.requireSchema(namespace);
  session.namespace = namespace;
  return NO_RESULT;
}

const UTC = /^(?:utc|etc\/utc|z|gmt|\+00:00|0)$/i;

/** `SET TIME ZONE zone` and `SET name = value`, from behind SET. A setting that would change results is refused. */
export function set(context: StatementContext, cursor: Cursor): EngineResult {
  if (cursor.take('TIME', 'ZONE')) {
    const node = cursor.next();
    cursor.end();
    requireUtc(node.kind === 'group' ? '' : node.text);
    return rowsResult(SETTING_COLUMNS, [['spark.sql.session.timeZone', 'UTC']]);
  }
  const name = cursor.dottedName().join('.');
  cursor.expectSymbol('=');
  const value = cursor
    .rest()
    .map((node) => (node.kind === 'group' ? '' : node.text))
    .join('');
  apply(context, name.toLowerCase(), value);
  return rowsResult(SETTING_COLUMNS, [[name, value]]);
}

const SETTING_COLUMNS = [
  { name: 'key', type: 'string' },
  { name: 'value', type: 'string' },
];

const MAX_TIMEOUT_SECONDS = 172_800;

function apply(context: StatementContext, name: string, value: string): void {
  switch (name) {
    case 'timezone':
    case 'spark.sql.session.timezone':
      requireUtc(value);
      return;
    case 'ansi_mode':
    case 'spark.sql.ansi.enabled':
      if (value.toLowerCase() !== 'true') throw unsupported('sessions without ANSI mode');
      return;
    case 'legacy_time_parser_policy':
      if (value.toLowerCase() === 'legacy') throw unsupported('the old parser of times');
      return;
    case 'use_cached_result':
      return;
    case 'statement_timeout': {
      const seconds = /^\d+$/.test(value) ? Number(value) : Number.NaN;
      if (!(seconds <= MAX_TIMEOUT_SECONDS)) {
        throw new EngineError(
          'INVALID_CONF_VALUE',
          '22022',
          'STATEMENT_TIMEOUT is a number of seconds from 0 to 172800.',
        );
      }
      context.session.statementTimeoutSeconds = seconds;
      return;
    }
    default:
      throw new EngineError('CONFIG_NOT_AVAILABLE', '42K0I', `The setting ${name} is not available.`);
  }
}

function requireUtc(zone: string): void {
  if (!UTC.test(zone)) throw unsupported('time zones other than UTC');
}
