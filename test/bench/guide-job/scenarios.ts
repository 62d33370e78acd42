import { sourceName } from './customer-profiles.ts';

/** A small history of a source table; what both opponents end with is compared with the source. */
export interface Scenario {
  /** Name of the source table; targets are named after it. */
  readonly name: string;
  readonly what: string;
  /** Rows that are loaded first. */
  readonly loaded: readonly string[];
  /** Statements of each window; every window is applied before the next one is made. */
  readonly windows: readonly (readonly string[])[];
  /**
   * What befalls the first window. `killed`: its worker ends after the commit in Postgres, before it says so.
   * `stood_still`: its worker stops with the rows in hand, another one takes over, and it goes on after the last
   * window.
   */
  readonly fault?: 'killed' | 'stood_still';
  /**
   * What the guide's job does as the guide prints it, where we otherwise read it in its favour. `load`: the table is
   * dropped and made anew. `start`: the stream begins without a version.
   */
  readonly asPrinted?: 'load' | 'start';
}

interface Customer {
  readonly mail?: string | null;
  readonly spend?: number;
  readonly bought?: string | null;
}

const COLUMNS = [
  'customer_id',
  'full_name',
  'email',
  'segment',
  'last_purchase_date',
  'total_spend',
  'propensity_score',
  'is_active',
  'created_at',
  'updated_at',
];

/** A row in parentheses; what is not said follows from the key. */
function customer(id: string, { mail = `${id}@example.com`, spend = 1, bought }: Customer = {}): string {
  const email = mail === null ? 'cast(null as string)' : `'${mail}'`;
  const date = bought === null ? 'cast(null as timestamp)' : "timestamp'2024-02-29 12:34:56.123456'";
  return `('${id}', 'Name of ${id}', ${email}, 'New User', ${date}, ${spend}, 0.5D, true,
    timestamp'2023-01-01 00:00:00', timestamp'2024-01-01 00:00:00')`;
}

const insert = (table: string, ...rows: readonly string[]) =>
  `insert into ${sourceName(table)} values ${rows.join(', ')}`;
const remove = (table: string, id: string) => `delete from ${sourceName(table)} where customer_id = '${id}'`;
const spend = (table: string, id: string, amount: number) =>
  `update ${sourceName(table)} set total_spend = ${amount} where customer_id = '${id}'`;
const move = (table: string, id: string, to: string) =>
  `update ${sourceName(table)} set customer_id = '${to}' where customer_id = '${id}'`;

const THREE = [customer('a'), customer('b'), customer('c')];

export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'key_moves',
    what: 'a key is updated (no unique value in the row)',
    loaded: [customer('a', { mail: null }), customer('b')],
    windows: [[move('key_moves', 'a', 'z')]],
  },
  {
    name: 'key_moves_with_unique',
    what: 'a key is updated, the unique e-mail stays in the row',
    loaded: THREE,
    windows: [[move('key_moves_with_unique', 'a', 'z')]],
  },
  {
    name: 'values_swap',
    what: 'two rows swap their unique e-mails',
    loaded: THREE,
    windows: [
      [
        `update ${sourceName('values_swap')} set email = case customer_id when 'a' then 'b@example.com'
           else 'a@example.com' end where customer_id in ('a', 'b')`,
      ],
    ],
  },
  {
    name: 'value_freed',
    what: 'a delete frees a unique e-mail, an insert takes it',
    loaded: THREE,
    windows: [[remove('value_freed', 'a'), insert('value_freed', customer('z', { mail: 'a@example.com' }))]],
  },
  {
    name: 'back_again',
    what: 'a key is deleted and inserted again, in two commits',
    loaded: THREE,
    windows: [[remove('back_again', 'a'), insert('back_again', customer('a', { spend: 2 }))]],
  },
  {
    name: 'overwritten',
    what: 'every key is deleted and inserted again in one commit (INSERT OVERWRITE)',
    loaded: THREE,
    windows: [
      [
        `insert overwrite ${sourceName('overwritten')} values ${[customer('a', { spend: 2 }), customer('b'), customer('c')].join(', ')}`,
      ],
    ],
  },
  {
    name: 'replaced_by_merge',
    what: 'a key is deleted and inserted again in one commit (MERGE on key and value)',
    loaded: THREE,
    windows: [
      [
        `merge into ${sourceName('replaced_by_merge')} t
           using (select * from values ${[customer('a', { spend: 2 }), customer('b'), customer('c')].join(', ')}
             as x(${COLUMNS.join(', ')})) s
           on t.customer_id = s.customer_id and t.total_spend = s.total_spend
           when not matched then insert * when not matched by source then delete`,
      ],
    ],
  },
  {
    name: 'many_changes',
    what: 'a row is inserted, updated, deleted and inserted again, seven commits in one window',
    loaded: THREE,
    windows: [
      [
        insert('many_changes', customer('z')),
        spend('many_changes', 'z', 2),
        spend('many_changes', 'z', 3),
        remove('many_changes', 'z'),
        insert('many_changes', customer('z', { spend: 4 })),
        spend('many_changes', 'z', 5),
        spend('many_changes', 'a', 6),
      ],
    ],
  },
  {
    name: 'nothing_but_null',
    what: 'a window in whose rows a timestamp is NULL throughout',
    loaded: THREE,
    windows: [[insert('nothing_but_null', customer('y', { bought: null }), customer('z', { bought: null }))]],
  },
  {
    name: 'killed',
    what: 'the worker is killed between the commit in Postgres and its checkpoint',
    loaded: THREE,
    windows: [
      [spend('killed', 'a', 2), remove('killed', 'b'), insert('killed', customer('z'))],
      [spend('killed', 'a', 3), insert('killed', customer('b')), remove('killed', 'z')],
    ],
    fault: 'killed',
  },
  {
    name: 'stood_still',
    what: 'a worker stands still before it writes, is replaced, and goes on after a later window',
    loaded: THREE,
    windows: [
      [spend('stood_still', 'a', 2), remove('stood_still', 'b'), insert('stood_still', customer('z'))],
      [spend('stood_still', 'a', 3), insert('stood_still', customer('b')), remove('stood_still', 'z')],
    ],
    fault: 'stood_still',
  },
  {
    name: 'load_as_printed',
    what: "the guide's load as printed, then a window",
    loaded: THREE,
    windows: [[spend('load_as_printed', 'a', 2)]],
    asPrinted: 'load',
  },
  {
    name: 'start_as_printed',
    what: "the guide's stream as printed; a row is deleted between load and first run",
    loaded: THREE,
    windows: [[remove('start_as_printed', 'a')]],
    asPrinted: 'start',
  },
];
