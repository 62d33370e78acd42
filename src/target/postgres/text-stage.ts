import type { SyncError } from '../../error/sync-error.ts';
import { keyOf, type Mapping } from '../../plan/mapping.ts';
import type { ApplyScope } from './apply-scope.ts';
import { bisect } from './bisect.ts';
import { besideDelivered, deliveredColumns, operationColumn } from './columns.ts';
import { keyAsJson, refusalOf, sourceName } from './rejected-rows.ts';
import { attemptStatements } from './savepoint.ts';
import { quoteIdentifier } from './sql.ts';
import { STAGE } from './statements.ts';

/** Where the lines land whose values some column of the target may not take: every column is text. */
const TEXT_STAGE = 'pg_temp.lakeferry_text';

/** The lines of a snapshot carry no operation; each of its rows arrives. */
export function createTextStage(mapping: Mapping): string {
  const columns = [
    `${lineColumn(mapping)} bigint generated always as identity primary key`,
    `${quoteIdentifier(operationColumn(mapping))} text not null default 'u'`,
    ...deliveredColumns(mapping).map((name) => `${quoteIdentifier(name)} text`),
  ];
  return `create temporary table ${TEXT_STAGE} (\n  ${columns.join(',\n  ')}\n) on commit drop`;
}

export function copyIntoTextStage(mapping: Mapping, lines: 'with operation' | 'arrivals'): string {
  const columns = [
    ...(lines === 'with operation' ? [operationColumn(mapping)] : []),
    ...deliveredColumns(mapping),
  ];
  return `copy ${TEXT_STAGE} (${columns.map(quoteIdentifier).join(', ')}) from stdin`;
}

/**
 * Moves the lines, numbered from 1, into the stage, which has the types of the target. A line with a value that its
 * column does not take is rejected.
 */
export async function fillStageFromText(scope: ApplyScope, lines: number): Promise<void> {
  const { plan, rejects } = scope;
  const { mapping } = plan;
  const faults = new Map<number, SyncError>();
  await bisect(
    Array.from({ length: lines }, (_, at) => at + 1),
    async (range) => {
      const between = `between ${range[0]} and ${range.at(-1)}`;
      const move = `insert into ${STAGE}\n${castLines(mapping, between, deliveredColumns(mapping), '(r.parsed).*')}`;
      return (await attemptStatements(scope, [move])).fault;
    },
    (line, fault) => {
      faults.set(line, fault);
      rejects.checkLimit(faults.size, faults.values());
    },
  );
  for (const [line, fault] of faults) {
    const columns = await faultyColumns(scope, line);
    const [column] = columns;
    const refusal = refusalOf(fault, mapping);
    rejects.addRefused(
      await readKey(scope, line, columns),
      column === undefined ? refusal : { ...refusal, column: sourceName(mapping, column) },
    );
  }
}

/** The server does not say which column of a row it could not read: each is tried by itself. */
async function faultyColumns(scope: ApplyScope, line: number): Promise<readonly string[]> {
  const { mapping } = scope.plan;
  const faulty: string[] = [];
  await bisect(
    deliveredColumns(mapping),
    async (columns) => {
      const cast = castLines(mapping, `= ${line}`, columns, 'r.parsed is null');
      return (await attemptStatements(scope, [cast])).fault;
    },
    (column) => faulty.push(column),
  );
  return faulty;
}

/** As the target shows the key, so that a later change of it is recognized; as it came where it is no key at all. */
async function readKey(
  { tx, plan }: ApplyScope,
  line: number,
  faulty: readonly string[],
): Promise<readonly (string | null)[]> {
  const { mapping } = plan;
  const key = keyOf(mapping).map(({ target }) => target);
  const asItCame = `select ${keyAsJson(mapping, 's')} as key from ${TEXT_STAGE} s where ${lineColumn(mapping)} = ${line}`;
  const { rows } = await tx.query<{ readonly key: readonly (string | null)[] }>(
    key.some((name) => faulty.includes(name))
      ? asItCame
      : castLines(mapping, `= ${line}`, key, `${keyAsJson(mapping, '(r.parsed)')} as key`),
  );
  return rows[0]?.key ?? [];
}

/**
 * Reads lines as rows of the stage, `r.parsed`, through the row type's own input: it calls that of each column with
 * the column's modifier, just as COPY does. A cast by column would not: `::varchar(3)` cuts what COPY refuses.
 * Of the delivered columns those not named are NULL.
 */
function castLines(mapping: Mapping, lines: string, columns: readonly string[], select: string): string {
  const wanted = new Set(columns);
  const fields = [
    `s.${quoteIdentifier(operationColumn(mapping))}`,
    ...deliveredColumns(mapping).map((name) => (wanted.has(name) ? `s.${quoteIdentifier(name)}` : 'null')),
  ];
  return `
select ${select}
from (
  select row(${fields.join(', ')})::text::${STAGE} as parsed
  from ${TEXT_STAGE} s
  where s.${lineColumn(mapping)} ${lines}
  offset 0
) r`;
}

function lineColumn(mapping: Mapping): string {
  return quoteIdentifier(besideDelivered('line', mapping));
}
