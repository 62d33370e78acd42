import { MIGRATIONS } from '../target/postgres/migrations.ts';

/** A table or view of the schema `lakeferry`, as the migrations leave it. */
export interface Relation {
  readonly name: string;
  readonly isView: boolean;
  comment: string;
  readonly columns: RelationColumn[];
}

export interface RelationColumn {
  readonly name: string;
  readonly type: string;
  comment: string;
}

/** Types of the columns that a view computes. */
const COMPUTED: Readonly<Record<string, string>> = { lag: 'interval', rejected_keys: 'bigint' };

/** Reads the statements of all migrations in their order. */
export function readRelations(): readonly Relation[] {
  const relations = new Map<string, Relation>();
  const statements = MIGRATIONS.flatMap(({ sql }) => sql.split(/;\n/)).map((statement) => statement.trim());
  for (const statement of statements) {
    createTable(statement, relations);
    createView(statement, relations);
    addColumns(statement, relations);
    comment(statement, relations);
  }
  return [...relations.values()];
}

const COLUMN = /^(\w+) ([a-z]+(?: [a-z]+)*?)(?: (?:primary key|not null|default)\b.*)?$/;

function createTable(statement: string, relations: Map<string, Relation>): void {
  const [, name, body] = /^create table lakeferry\.(\w+) \(\n(.*)\n\)$/s.exec(statement) ?? [];
  if (name === undefined || body === undefined) return;
  const columns = body.split(/,\n/).flatMap((line) => columnOf(line.trim()));
  relations.set(name, { name, isView: false, comment: '', columns });
}

function columnOf(definition: string): RelationColumn[] {
  if (/^(primary key|constraint) /.test(definition)) return [];
  const [, name, type] = COLUMN.exec(definition) ?? [];
  if (name === undefined || type === undefined) throw new Error(`No column: ${definition}`);
  return [{ name, type, comment: '' }];
}

function createView(statement: string, relations: Map<string, Relation>): void {
  const [, name, list, table] =
    /^create view lakeferry\.(\w+) as\nselect\n(.*)\nfrom lakeferry\.(\w+) \w+$/s.exec(statement) ?? [];
  if (name === undefined || list === undefined) return;
  const columns = list.split(/,\n/).map((item): RelationColumn => {
    const column = /(\w+)$/.exec(item.trim())?.[1] ?? '';
    const under = relations.get(table ?? '')?.columns.find((each) => each.name === column);
    return { name: column, type: under?.type ?? COMPUTED[column] ?? '', comment: under?.comment ?? '' };
  });
  relations.set(name, { name, isView: true, comment: '', columns });
}

function addColumns(statement: string, relations: Map<string, Relation>): void {
  const [, name, body] = /^alter table lakeferry\.(\w+)\s(.*)$/s.exec(statement) ?? [];
  const added = [...(body ?? '').matchAll(/^\s*add column (.*?),?$/gm)];
  for (const [, definition] of added) {
    relations.get(name ?? '')?.columns.push(...columnOf((definition ?? '').trim()));
  }
}

function comment(statement: string, relations: Map<string, Relation>): void {
  const [, kind, name, column, quoted] =
    /^comment on (table|view|column) lakeferry\.(\w+)(?:\.(\w+))? is\s+'((?:[^']|'')*)'$/s.exec(statement) ??
    [];
  const relation = relations.get(name ?? '');
  if (!relation || quoted === undefined) return;
  const text = quoted.replaceAll("''", "'");
  if (kind !== 'column') relation.comment = text;
  const found = relation.columns.find((each) => each.name === column);
  if (found) found.comment = text;
}
