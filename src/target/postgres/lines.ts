import { keyOf, type Mapping } from '../../plan/mapping.ts';
import type { ApplyScope } from './apply-scope.ts';
import { besideDelivered, operationColumn } from './columns.ts';
import { connectedUnits, type Tie } from './connected-units.ts';
import { keyAsJson } from './rejected-rows.ts';
import { columnList, quoteIdentifier } from './sql.ts';
import { STAGE } from './statements.ts';
import {
  type Lines,
  type MovableIndex,
  movableIndexes,
  readMoves,
  readReferencesOfDepartures,
  readReferencesToArrivals,
  readSelfReferences,
} from './ties.ts';
import { type LettingGo, readMoveFacts, resolveLettingGo } from './unique-moves.ts';

/** The stage's lines again, numbered by units: what is written together or not at all. */
export const LINES = 'pg_temp.lakeferry_lines';

/** A unique index of the lines' own: by its name the server reports a key that came twice. */
export const LINES_KEY = 'lakeferry_lines_key';

/** The units of a chunk, each list in an order in which no unit waits for a later one. */
export interface Units {
  readonly departures: readonly number[];
  readonly arrivals: readonly number[];
  /** How the lines of `movingPart` let go of their unique values. */
  readonly lettingGo: LettingGo;
}

/**
 * Numbers the stage's lines. Most are a unit by themselves; those that wait for each other, because values move
 * in a circle between them or they refer to each other, are one together.
 */
export async function arrangeLines(scope: ApplyScope): Promise<Units> {
  const { tx, plan } = scope;
  const { mapping } = plan;
  const names = linesOf(mapping);
  const key = columnList(keyOf(mapping).map(({ target }) => target));
  await tx.run([
    `
create temporary table ${LINES} on commit drop as
select (row_number() over (order by ${names.operation}, ${key}))::int as ${names.unit}, false as ${movesColumn(mapping)}, s.*
from ${STAGE} s`,
    `create unique index ${LINES_KEY} on ${LINES} (${key}) where ${names.operation} = 'u'`,
    `analyze ${LINES}`,
  ]);
  const { rows } = await tx.query<{ readonly departures: number; readonly all: number }>(
    `select count(*) filter (where ${names.operation} = 'd')::int as departures, count(*)::int as all from ${LINES}`,
  );
  const { departures = 0, all = 0 } = rows[0] ?? {};
  const { ties, moving, lettingGo } = await readTies(scope, names);
  await tx.query(
    `update ${LINES} l set ${movesColumn(mapping)} = true where l.${names.unit} = any($1::int[])`,
    [moving],
  );
  const lines = Array.from({ length: all }, (_, at) => at + 1);
  const units = ties.length === 0 ? lines.map((line) => [line]) : connectedUnits(lines, ties);
  if (ties.length > 0) await renumber(scope, names, units);
  await tx.run([`create index on ${LINES} (${names.unit})`, `analyze ${LINES}`]);
  const arrives = (unit: number) => (units[unit - 1]?.[0] ?? 0) > departures;
  const numbers = units.map((_, at) => at + 1);
  return {
    departures: numbers.filter((unit) => !arrives(unit)),
    arrivals: numbers.filter(arrives),
    lettingGo,
  };
}

/** Gives each line the number of its unit, from 1. */
async function renumber(
  { tx }: ApplyScope,
  names: Lines,
  units: readonly (readonly number[])[],
): Promise<void> {
  const numbers = units.flatMap((unit, at) => unit.map(() => at + 1));
  await tx.query(
    `
update ${LINES} l set ${names.unit} = m.unit
from unnest($1::int[], $2::int[]) m (line, unit)
where l.${names.unit} = m.line`,
    [units.flat(), numbers],
  );
}

interface Ties {
  readonly ties: readonly Tie[];
  /** Lines whose row holds a value that another line wants. */
  readonly moving: readonly number[];
  readonly lettingGo: LettingGo;
}

async function readTies(scope: ApplyScope, names: Lines): Promise<Ties> {
  const { mapping, work } = scope.plan;
  const ties: Tie[] = [];
  const moving: number[] = [];
  const moved: MovableIndex[] = [];
  for (const index of work.kind !== 'snapshot' ? movableIndexes(scope) : []) {
    const moves = await readMoves(scope, names, index);
    for (const tie of moves) ties.push(tie);
    if (moves.length === 0 || index.deferrable) continue;
    moved.push(index);
    for (const { needs } of moves) moving.push(needs);
  }
  for (const reference of await readSelfReferences(scope)) {
    for (const tie of await readReferencesToArrivals(scope, names, reference)) ties.push(tie);
    if (mapping.deletes.mode !== 'hard') continue;
    for (const tie of await readReferencesOfDepartures(scope, names, reference)) ties.push(tie);
  }
  if (moved.length === 0) return { ties, moving, lettingGo: { way: 'none' } };
  return { ties, moving, lettingGo: resolveLettingGo(scope, moved, await readMoveFacts(scope)) };
}

/** The lines of some units, as a subquery; `units` in ascending order without gaps, or not. */
export function partOf(mapping: Mapping, units: readonly number[]): string {
  return `(select * from ${LINES} where ${linesOf(mapping).unit} ${among(units)})`;
}

/** Those among them whose row holds a value that another line wants. */
export function movingPart(mapping: Mapping, units: readonly number[]): string {
  return `(select * from ${LINES} where ${linesOf(mapping).unit} ${among(units)} and ${movesColumn(mapping)})`;
}

/** Takes the units out, and gives the key and unit of each line of them. */
export async function takeOutUnits(
  { tx, plan }: ApplyScope,
  units: readonly number[],
): Promise<readonly { readonly unit: number; readonly key: readonly (string | null)[] }[]> {
  const { unit } = linesOf(plan.mapping);
  const { rows } = await tx.query<{ readonly unit: number; readonly key: readonly (string | null)[] }>(
    `delete from ${LINES} s where s.${unit} = any($1::int[]) returning s.${unit} as unit, ${keyAsJson(plan.mapping, 's')} as key`,
    [units],
  );
  return rows;
}

function among(units: readonly number[]): string {
  const [first = 0, last = 0] = [units[0], units.at(-1)];
  const withoutGaps = last - first === units.length - 1;
  return withoutGaps ? `between ${first} and ${last}` : `in (${units.join(', ')})`;
}

function linesOf(mapping: Mapping): Lines {
  return {
    table: LINES,
    operation: quoteIdentifier(operationColumn(mapping)),
    unit: quoteIdentifier(besideDelivered('unit', mapping)),
  };
}

function movesColumn(mapping: Mapping): string {
  return quoteIdentifier(besideDelivered('moves', mapping));
}
