import { EngineError, type EngineResult } from '../engine.ts';
import { checkNames, readColumns } from './column-definitions.ts';
import { addStoredColumns, type Change, commitTo, storedNames } from './commit.ts';
import { Cursor } from './cursor.ts';
import { unsupported } from './errors.ts';
import { readProperties } from './properties.ts';
import { NO_RESULT } from './result.ts';
import { findWritableTable, type StatementContext } from './statement-context.ts';
import { type Column, requireColumn, type Table, type TableMetadata } from './table.ts';

/** `ALTER TABLE t …`, from behind TABLE. Only metadata changes: each form is one commit. */
export async function alterTable(
  context: StatementContext,
  cursor: Cursor,
  statement: string,
): Promise<EngineResult> {
  const name = cursor.dottedName();
  const alter = readAlteration(cursor, statement);
  await commitTo(
    context,
    () => findWritableTable(context, name),
    async (table) => {
      const change = alter(table);
      if (change.metadata) await addStoredColumns(context, table, change.metadata);
      return change;
    },
  );
  return NO_RESULT;
}

type Alteration = (table: Table) => Change;

function readAlteration(cursor: Cursor, statement: string): Alteration {
  if (cursor.take('ADD', 'COLUMN') || cursor.take('ADD', 'COLUMNS')) {
    const definitions = cursor.atGroup() ? new Cursor(cursor.group().items) : new Cursor(cursor.rest());
    cursor.end();
    return (table) => addColumns(table, readColumns(definitions, statement, storedNames(table)));
  }
  if (cursor.take('SET', 'TBLPROPERTIES')) {
    const properties = readProperties(cursor.group());
    cursor.end();
    return (table) => setProperties(table, properties);
  }
  if (cursor.take('RENAME', 'COLUMN')) {
    const from = cursor.name();
    cursor.expect('TO');
    const to = cursor.name();
    cursor.end();
    return (table) => renameColumn(table, from, to);
  }
  if (cursor.take('DROP', 'COLUMN')) {
    const dropped = cursor.name();
    cursor.end();
    return (table) => dropColumn(table, dropped);
  }
  throw unsupported('this form of ALTER TABLE');
}

function changed(
  table: Table,
  columns: readonly Column[],
  operation: string,
  parameters: Readonly<Record<string, string>>,
): Change {
  checkNames(columns);
  const metadata: TableMetadata = { ...table.latest.metadata, columns };
  return { operation, parameters, metadata };
}

/** A column as DESCRIBE HISTORY names it. */
function pathOf({ name }: Column): string {
  return /^\w+$/.test(name) ? name : `\`${name.replaceAll('`', '``')}\``;
}

function addColumns(table: Table, added: readonly Column[]): Change {
  for (const { name, nullable, defaultSql } of added) {
    if (!nullable) {
      throw new EngineError(
        'DELTA_ADDING_COLUMN_WITH_NOT_NULL',
        '42K09',
        `The added column \`${name}\` cannot be NOT NULL.`,
      );
    }
    if (defaultSql !== undefined) throw unsupported('a default for an added column');
  }
  const columns = [...table.latest.metadata.columns, ...added];
  return changed(table, columns, 'ADD COLUMNS', { columns: JSON.stringify(added.map(pathOf)) });
}

function setProperties(table: Table, properties: Readonly<Record<string, string>>): Change {
  const { metadata } = table.latest;
  return {
    operation: 'SET TBLPROPERTIES',
    parameters: { properties: JSON.stringify(properties) },
    metadata: { ...metadata, properties: { ...metadata.properties, ...properties } },
  };
}

function renameColumn(table: Table, from: string, to: string): Change {
  const column = requireColumn(table.latest.metadata, from);
  const columns = table.latest.metadata.columns.map((each) =>
    each === column ? { ...each, name: to } : each,
  );
  return changed(table, columns, 'RENAME COLUMN', {
    oldColumnPath: pathOf(column),
    newColumnPath: pathOf({ ...column, name: to }),
  });
}

function dropColumn(table: Table, name: string): Change {
  const column = requireColumn(table.latest.metadata, name);
  const columns = table.latest.metadata.columns.filter((each) => each !== column);
  if (columns.length === 0) throw unsupported('a table without columns');
  return changed(table, columns, 'DROP COLUMNS', { columns: JSON.stringify([pathOf(column)]) });
}
