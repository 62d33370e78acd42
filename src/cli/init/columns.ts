import { postgresColumnProblem } from '../../config/identifier.ts';
import { nearest } from '../../config/suggestion.ts';
import { isSameColumn, type SourceColumn } from '../../schema/source-column.ts';
import type { SourceTable } from '../../schema/table-name.ts';
import { canBeKey, parseDeltaType } from '../../types/delta-type.ts';
import { defaultPostgresType } from '../../types/postgres-type.ts';

/** A column that cannot go to Postgres as it is. */
export interface UnfitColumn {
  readonly column: string;
  /** A sentence without its final stop. */
  readonly because: string;
}

export function unfitColumns(columns: readonly SourceColumn[]): readonly UnfitColumn[] {
  return columns.flatMap(({ name, type }) => {
    const problem = postgresColumnProblem(name);
    if (problem !== undefined) {
      return [{ column: name, because: `"${name}" ${problem}: see columns.rename` }];
    }
    if (defaultPostgresType(parseDeltaType(type)) !== undefined) return [];
    return [
      { column: name, because: `"${name}" is of the type ${type}, which Postgres has no counterpart for` },
    ];
  });
}

/** A column that by its name is the key: `id`, or one that is named after the table. */
export function likelyKey({ table }: SourceTable, columns: readonly SourceColumn[]): string | undefined {
  const whole = table.toLowerCase();
  const stems = [whole, singular(whole), singular(whole.split('_')[0] as string)];
  const names = [
    'id',
    ...stems.flatMap((stem) => [`${stem}_id`, `${stem}id`, `${stem}_key`, `${stem}_uuid`]),
    'uuid',
  ];
  const able = columns.filter(({ type }) => canBeKey(parseDeltaType(type)));
  return names.flatMap((name) => able.find((column) => column.name.toLowerCase() === name)?.name ?? [])[0];
}

function singular(word: string): string {
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word;
}

/** Names separated by commas, as the source spells them; any names where the source is not known. */
export function parseColumnNames(
  answer: string,
  columns: readonly SourceColumn[] | undefined,
): { readonly value: readonly string[] } | { readonly problem: string } {
  const asked = answer.split(',').map((name) => name.trim());
  if (asked.includes('')) return { problem: 'write names of columns, separated by commas' };
  const twice = asked.find((name, index) => asked.findIndex((each) => isSameColumn(each, name)) < index);
  if (twice !== undefined) return { problem: `"${twice}" stands twice` };
  if (!columns) return { value: asked };
  const found: string[] = [];
  for (const name of asked) {
    const column = columns.find((each) => isSameColumn(each.name, name));
    if (!column) return { problem: unknownColumn(name, columns) };
    found.push(column.name);
  }
  return { value: found };
}

/** The same of a primary key. */
export function parseKey(
  answer: string,
  columns: readonly SourceColumn[] | undefined,
): ReturnType<typeof parseColumnNames> {
  const parsed = parseColumnNames(answer, columns);
  if ('problem' in parsed || !columns) return parsed;
  for (const name of parsed.value) {
    const column = columns.find((each) => each.name === name) as SourceColumn;
    if (!canBeKey(parseDeltaType(column.type))) {
      return { problem: `"${name}" cannot be a key column: its type is ${column.type}` };
    }
    const problem = postgresColumnProblem(name);
    if (problem !== undefined) return { problem: `"${name}" cannot be a key column: it ${problem}` };
  }
  return parsed;
}

/** More names than these help nobody to find one. */
const MAX_NAMES = 30;

function unknownColumn(name: string, columns: readonly SourceColumn[]): string {
  const names = columns.map((column) => column.name);
  const near = nearest(name, names);
  if (near !== undefined) return `the source has no column "${name}"; did you mean "${near}"?`;
  const shown = names.slice(0, MAX_NAMES).join(', ');
  const more = names.length > MAX_NAMES ? `, and ${names.length - MAX_NAMES} more` : '';
  return `the source has no column "${name}"; it has ${shown}${more}`;
}
