import pg from 'pg';
import { plainStyle, type Style } from '../style.ts';
import { type Column, renderTable } from '../table.ts';
import { TARGET } from './customer-profiles.ts';

/** A row of the target as the demo shows it. */
export interface ShownRow {
  readonly customer_id: string;
  readonly full_name: string;
  readonly email: string;
  readonly segment: string;
  readonly total_spend: string;
  readonly is_active: boolean;
}

export async function readTarget(postgresUrl: string): Promise<readonly ShownRow[]> {
  const client = new pg.Client({ connectionString: postgresUrl });
  await client.connect();
  try {
    const { rows } = await client.query<ShownRow>(
      `select customer_id, full_name, email, segment, total_spend, is_active from ${TARGET} order by customer_id`,
    );
    return rows;
  } finally {
    await client.end();
  }
}

type Mark = '' | '+' | '~' | '-';
type MarkedRow = ShownRow & { readonly mark: Mark };

/** The rows after, and those gone, each marked by what became of it since `before`. */
export function markChanges(before: readonly ShownRow[], after: readonly ShownRow[]): readonly MarkedRow[] {
  const old = new Map(before.map((row) => [row.customer_id, row]));
  const now = new Set(after.map((row) => row.customer_id));
  const markOf = (row: ShownRow): Mark => {
    const was = old.get(row.customer_id);
    if (!was) return '+';
    return JSON.stringify(was) === JSON.stringify(row) ? '' : '~';
  };
  return [
    ...after.map((row): MarkedRow => ({ ...row, mark: markOf(row) })),
    ...before
      .filter(({ customer_id }) => !now.has(customer_id))
      .map((row): MarkedRow => ({ ...row, mark: '-' })),
  ].sort((a, b) => (a.customer_id < b.customer_id ? -1 : 1));
}

/** The table as lines; the first column tells `+` new, `~` changed, `-` gone. */
export function renderTarget(rows: readonly (ShownRow & { readonly mark?: Mark })[], style: Style): string[] {
  const paint = ({ mark }: { readonly mark?: Mark }) => {
    if (mark === '+') return style.green;
    if (mark === '~') return style.yellow;
    return mark === '-' ? style.red : plainStyle.dim;
  };
  const columns: Column<ShownRow & { readonly mark?: Mark }>[] = [
    { header: ' ', cell: ({ mark }) => mark ?? '', paint },
    { header: 'CUSTOMER_ID', cell: ({ customer_id }) => customer_id, paint },
    { header: 'FULL_NAME', cell: ({ full_name }) => full_name },
    { header: 'EMAIL', cell: ({ email }) => email },
    { header: 'SEGMENT', cell: ({ segment }) => segment },
    { header: 'TOTAL_SPEND', align: 'right', cell: ({ total_spend }) => total_spend },
    { header: 'ACTIVE', cell: ({ is_active }) => (is_active ? 'yes' : 'no') },
  ];
  return renderTable(columns, rows, { layout: 'table', width: 200, style }).map((line) => `    ${line}`);
}
