import { code, pageText, plain, table } from './markdown.ts';
import { madeFrom, type ReferencePage } from './page.ts';
import { type Relation, readRelations } from './relations.ts';

/** What the schema `lakeferry` shows, with the comments that stand in the database, too. */
export const sqlViews: ReferencePage = {
  path: 'docs/reference/sql-views.md',
  make() {
    const relations = readRelations();
    return pageText([
      madeFrom('src/target/postgres/migrations.ts'),
      '',
      '# What Lakeferry shows in SQL',
      '',
      'The schema `lakeferry` of the target database holds what Lakeferry knows of its syncs. Read it freely, with the grants',
      'below; do not change it by hand. `\\d+` in psql shows the same comments.',
      '',
      '```sql',
      'select sync, through, through_committed_at, lag, rejected_keys from lakeferry.freshness;',
      '',
      'grant usage on schema lakeferry to reporting;          -- the role of whoever asks',
      'grant select on lakeferry.freshness to reporting;',
      '```',
      '',
      ...relations.toSorted((a, b) => Number(b.isView) - Number(a.isView)).flatMap(section),
      '`lakeferry.migrations` tells which forms of the schema were installed. A version of Lakeferry that is older than the',
      'schema refuses it ([target_incompatible](../halts/target_incompatible.md)).',
    ]);
  },
};

function section({ name, isView, comment, columns }: Relation): string[] {
  return [
    `## lakeferry.${name}`,
    '',
    `A ${isView ? 'view' : 'table'}. ${plain(comment.replace(/^Lakeferry: /, '').replace(/^./, (first) => first.toUpperCase()))}`,
    '',
    ...table(
      ['column', 'type', ''],
      columns.map((column) => [code(column.name), column.type, plain(column.comment)]),
    ),
    '',
  ];
}
