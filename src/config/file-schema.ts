import * as z from 'zod';
import { parseSourceTable, parseTargetTable } from '../schema/table-name.ts';
import { postgresColumnProblem, postgresNameProblem, targetSchemaProblem } from './identifier.ts';
import { maxLagProblem, scheduleProblem } from './schedule.ts';
import { looksSecret } from './secret-text.ts';
import { parseWarehouseHost } from './warehouse-host.ts';
import { whereProblem } from './where-clause.ts';

/**
 * The form of lakeferry.yaml: the one place that names each setting, its type, its default and its help. The
 * parsed types, the JSON Schema for editors and `lakeferry explain` come from here.
 */

/** EventBridge Scheduler's schedules are named after the syncs. */
export const SYNC_NAME = /^[a-z0-9_-]{1,63}$/;

/** A text that must satisfy `problemOf`, which answers with the second half of a sentence about it. */
function text(problemOf: (value: string) => string | undefined) {
  return z.string().check((context) => {
    const problem = problemOf(context.value);
    if (problem !== undefined) {
      context.issues.push({ code: 'custom', message: problem, input: context.value });
    }
  });
}

function dottedProblem(value: string, form: string): string {
  const count = value.split('.').length;
  const parts = ['no part', 'one part', 'two parts', 'three parts'][count] ?? `${count} parts`;
  return `has ${parts}; write ${form}`;
}

const sourceColumn = text((value) =>
  value.trim() === '' ? 'is empty; write a column of the source' : undefined,
);
const targetColumn = text(postgresColumnProblem);

const sourceTable = text((value) => {
  if (parseSourceTable(value)) return undefined;
  return dottedProblem(value, 'catalog.schema.table, e.g. main.gold.orders');
});

const targetTable = text((value) => {
  const table = parseTargetTable(value);
  if (!table) return dottedProblem(value, 'schema.table, e.g. app.orders');
  const schema = targetSchemaProblem(table.schema);
  if (schema !== undefined) return `: schema "${table.schema}" ${schema}`;
  const name = postgresNameProblem(table.table);
  return name === undefined ? undefined : `: table "${table.table}" ${name}`;
});

/** Types reach DDL as they stand, so their form is narrow: words, one pair of parentheses, brackets. */
const POSTGRES_TYPE =
  /^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?( [a-z]+)*( ?\( ?\d+( ?, ?-?\d+)? ?\))?( with(out)? time zone)?(\[\])*$/i;
const postgresType = text((value) =>
  POSTGRES_TYPE.test(value) ? undefined : 'is not a Postgres type, e.g. text, numeric(12,2) or text[]',
);

const SECRET_NAME = /^(arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:)?[A-Za-z0-9/_+=.@-]{1,512}$/;
const secretName = text((value) =>
  SECRET_NAME.test(value) && !looksSecret(value)
    ? undefined
    : 'write the name or ARN of a secret in AWS Secrets Manager, never the secret itself',
);

/** A setting with a default: under `defaults` for all syncs, and under each sync. */
function setting<S extends z.ZodType>(schema: S, fallback: z.output<S>, description: string) {
  return schema.default(fallback as never).meta({ description });
}

export const metadata = z.strictObject({
  commitVersion: targetColumn.optional().meta({
    description: 'bigint column: the Delta version of the commit whose change the row shows.',
    examples: ['_commit_version'],
  }),
  commitTimestamp: targetColumn.optional().meta({
    description: 'timestamptz column: the time of that commit.',
    examples: ['_commit_timestamp'],
  }),
  syncedAt: targetColumn.optional().meta({
    description: 'timestamptz column: when Lakeferry wrote the row.',
    examples: ['_synced_at'],
  }),
});

const SETTINGS = {
  deletes: setting(
    z.enum(['hard', 'soft', 'ignore']),
    'hard',
    'What a row deleted in the source does to its target row: hard deletes it, soft sets softDeleteColumn to the time, ignore keeps it.',
  ),
  metadata: setting(
    metadata,
    {},
    'Target columns that Lakeferry fills beside the mapped ones; each is left out unless named. Under a sync this replaces the defaults as a whole.',
  ),
  nulCharacters: setting(
    z.enum(['reject', 'strip']),
    'reject',
    'What to do with U+0000 in text, which Postgres cannot store: reject the row, or strip the character.',
  ),
  rejectedRows: setting(
    z.enum(['halt', 'quarantine']),
    'halt',
    'What to do when Postgres cannot hold a row: halt the sync, or put it aside in lakeferry.rejected_rows and go on.',
  ),
  maxRejectedRows: setting(
    z.int().min(1).max(100_000),
    1_000,
    'With rejectedRows: quarantine, how many rows may stand in lakeferry.rejected_rows; the sync halts when there are more.',
  ),
  maxDeletePercent: setting(
    z.int().min(1).max(100),
    50,
    'How much of the target one window may delete, in percent. A window that deletes more, and at least 1,000 rows, halts the sync until "lakeferry approve". 100 allows all.',
  ),
  schedule: setting(
    text(scheduleProblem),
    'rate(5 minutes)',
    'How often to look for new commits: an EventBridge Scheduler expression, rate(5 minutes) or cron(0 8 * * ? *), in UTC; or continuous, every few seconds, which keeps the SQL warehouse awake.',
  ),
  maxChunkRows: setting(
    z.int().min(1_000).max(10_000_000),
    200_000,
    'Changed rows to aim for in one chunk, which is one transaction; a window with more is cut into slices.',
  ),
  maxWriters: setting(z.int().min(1).max(100), 4, 'Chunks of one sync that may be applied at once.'),
};

const softDeleteColumn = targetColumn.optional().meta({
  description: 'timestamptz column of the target that a soft delete sets; required with deletes: soft.',
  examples: ['deleted_at'],
});

const maxLag = text(maxLagProblem)
  .optional()
  .meta({
    description:
      'The alarm "a sync lags" goes off when commits have been missing from the target for longer: 30 minutes, 2 hours, 1 day. When left out: 4 ticks of the schedule but at least 30 minutes; with cron an hour more than its longest wait, 25 hours where it ticks daily.',
    examples: ['30 minutes'],
  });

type Unwrapped<S> = {
  [K in keyof S]: S[K] extends z.ZodDefault<infer Inner extends z.ZodType> ? z.ZodOptional<Inner> : never;
};

/** The same settings without their defaults, so that what a sync leaves out is taken from `defaults`. */
function overridable<S extends Record<string, z.ZodDefault<z.ZodType>>>(settings: S): Unwrapped<S> {
  const entries = Object.entries(settings).map(([name, schema]) => {
    const { description } = schema.meta() ?? {};
    return [name, schema.unwrap().optional().meta({ description, default: schema.def.defaultValue })];
  });
  return Object.fromEntries(entries) as Unwrapped<S>;
}

export const columnRules = z.strictObject({
  include: z.array(sourceColumn).min(1).optional().meta({
    description: 'Only these source columns; all of them when left out. Key columns are always included.',
  }),
  exclude: z
    .array(sourceColumn)
    .default([])
    .meta({ description: 'All source columns but these. Not together with include.' }),
  rename: z
    .record(z.string(), targetColumn)
    .default({})
    .meta({ description: 'Source column: its name in the target.' }),
  types: z
    .record(z.string(), postgresType)
    .default({})
    .meta({ description: 'Source column: the Postgres type to use instead of the usual one.' }),
});

export const syncEntry = z.strictObject({
  source: sourceTable.meta({
    description: 'The Delta table to read: catalog.schema.table. Its change data feed must be on.',
    examples: ['main.gold.orders'],
  }),
  target: targetTable.meta({
    description: 'The Postgres table to keep equal: schema.table. Created when missing.',
    examples: ['app.orders'],
  }),
  primaryKey: z.union([sourceColumn, z.array(sourceColumn).min(1)]).meta({
    description: 'The source column, or the list of columns, that identifies a row.',
    examples: ['order_id', ['tenant_id', 'order_id']],
  }),
  columns: columnRules.prefault({}).meta({
    description:
      'Which source columns to sync, under which names and as which types. Every column as it is, when left out.',
  }),
  where: text(whereProblem)
    .optional()
    .meta({
      description:
        'A Databricks SQL predicate over source columns. A row that leaves it is deleted from the target.',
      examples: ["region = 'EU'"],
    }),
  ...overridable(SETTINGS),
  maxLag,
  softDeleteColumn,
});

export const syncDefaults = z.strictObject({ ...SETTINGS, maxLag, softDeleteColumn });

const connections = z.strictObject({
  databricks: z
    .strictObject({
      host: text((value) =>
        parseWarehouseHost(value) ? undefined : 'write the host alone, as dbc-….cloud.databricks.com',
      )
        .optional()
        .meta({
          description: 'Host of the Databricks workspace. DATABRICKS_HOST in the environment goes before it.',
          examples: ['dbc-a1b2c3d4-e5f6.cloud.databricks.com'],
        }),
      httpPath: text((value) => (/^\/\S+$/.test(value) ? undefined : 'must start with "/"'))
        .optional()
        .meta({
          description:
            'HTTP path of the SQL warehouse. DATABRICKS_HTTP_PATH in the environment goes before it.',
          examples: ['/sql/1.0/warehouses/0123456789abcdef'],
        }),
      secret: secretName.optional().meta({
        description:
          'Name of the secret in AWS Secrets Manager that the deployed functions read: {"token": …} or {"clientId": …, "clientSecret": …}. On your machine, DATABRICKS_TOKEN is used instead.',
        examples: ['lakeferry/databricks'],
      }),
    })
    .prefault({})
    .meta({ description: 'The SQL warehouse that reads the Delta tables.' }),
  neon: z
    .strictObject({
      secret: secretName.optional().meta({
        description:
          'Name of the secret in AWS Secrets Manager that the deployed functions read: {"url": …, "directUrl": …}. On your machine, NEON_URL is used instead.',
        examples: ['lakeferry/neon'],
      }),
    })
    .prefault({})
    .meta({ description: 'The Neon database that holds the target tables.' }),
  aws: z
    .strictObject({
      region: text((value) =>
        /^[a-z]{2,}(-[a-z]+)+-\d$/.test(value) ? undefined : 'is not a region, e.g. eu-central-1',
      )
        .optional()
        .meta({
          description: 'AWS region of the deployed stack. AWS_REGION in the environment goes before it.',
          examples: ['eu-central-1'],
        }),
    })
    .prefault({})
    .meta({ description: 'Where the functions, the queue and the checkpoints live.' }),
});

export const lakeferryFile = z
  .strictObject({
    connections: connections.prefault({}).meta({
      description: 'Where the two databases are. Passwords and tokens are never written here.',
    }),
    defaults: syncDefaults.prefault({}).meta({
      description: 'Settings for every sync that does not have its own.',
    }),
    syncs: z.record(z.string().meta({ pattern: SYNC_NAME.source }), syncEntry).meta({
      description:
        'The tables to keep equal, one entry each, under a name of your choice: 1 to 63 of a-z, 0-9, "_" and "-".',
    }),
  })
  .meta({ title: 'lakeferry.yaml', description: 'Configuration of Lakeferry.' });

export type LakeferryFile = z.output<typeof lakeferryFile>;
/** lakeferry.yaml as a person writes it: what has a default may be left out. */
export type LakeferryFileInput = z.input<typeof lakeferryFile>;
export type SyncEntry = z.output<typeof syncEntry>;
export type SyncDefaults = z.output<typeof syncDefaults>;
