import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { plannerHandler } from '../../lambdas/planner.ts';
import { logger, metrics } from '../../lambdas/runtime.ts';
import { type ComposedServices, compose } from '../../src/compose.ts';
import { type Connections, LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import type { LakeferryConfig } from '../../src/config/lakeferry-config.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { createLambdaContext } from '../../src/local/lambda-context.ts';
import { runSyncs } from '../../src/local/run-syncs.ts';
import { localConnections } from '../../src/local/stack-info.ts';
import { encodeMessage } from '../../src/plan/codec.ts';
import type { ChunkQueue } from '../../src/queue/queue.ts';
import { Warehouse } from '../../src/source/databricks/client.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { powertoolsLog } from '../../src/telemetry/powertools-log.ts';
import { powertoolsMetrics } from '../../src/telemetry/powertools-metrics.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { overriding } from '../support/control.ts';
import { NEVER } from '../support/lake.ts';

// The logger is made when the functions are loaded: from then on it writes to this console.
vi.hoisted(() => vi.stubEnv('POWERTOOLS_DEV', 'true').stubEnv('POWERTOOLS_METRICS_DISABLED', 'false'));

/** Words that stand nowhere else: each can be found again wherever it went. */
const plant = (what: string) => `planted${what}${randomUUID().replaceAll('-', '')}`;
const SECRETS = { password: plant('password'), token: plant('token'), clientSecret: plant('client') };
const VALUES = { name: plant('name'), note: plant('note'), email: plant('email'), nul: plant('nul') };
const KEYS = {
  good: plant('goodkey'),
  other: plant('otherkey'),
  refused: plant('refusedkey'),
  nul: plant('nulkey'),
};

/** What becomes of the same three rows under one more object of the target's owner. */
const FAILURES: Readonly<Record<string, string>> = {
  checked: `alter table T add check (note <> '${VALUES.note}')`,
  unique: 'create unique index on T (email)',
  narrow: 'alter table T alter column name type varchar(5)',
  triggered: `create or replace function public.refuse() returns trigger language plpgsql
      as $$ begin raise exception 'no % here', new.name using detail = new.note, hint = new.email; end $$;
    create trigger refuse before insert on T for each row execute function public.refuse()`,
};
const SYNCS = ['aside', 'held', 'doubled', 'cast', 'cut', ...Object.keys(FAILURES)];

const CONFIG = `
connections: {}
syncs:
${SYNCS.map((name) => `  ${name}: { source: main.planted.${name}, target: public.${name}, primaryKey: id${name === 'aside' ? ', rejectedRows: quarantine' : ''} }`).join('\n')}
`;

let cli: Cli;
let postgres: pg.Client;
let warehouse: Warehouse;
let dynamodb: DynamoDBClient;
let connections: Connections;
let services: ComposedServices;
let config: LakeferryConfig;
/** Everything that left, by the way that it took. */
const left: { readonly way: string; readonly text: string }[] = [];

const leaves = (way: string, text: string) => left.push({ way, text });

const telemetry = () => ({
  clock: systemClock,
  log: powertoolsLog(logger),
  metrics: powertoolsMetrics(metrics),
});

beforeAll(async () => {
  for (const level of ['debug', 'info', 'log', 'warn', 'error', 'trace'] as const) {
    vi.spyOn(console, level).mockImplementation((...parts: unknown[]) => {
      leaves('log', parts.map(String).join(' '));
    });
  }
  logger.setLogLevel('DEBUG');
  cli = await openCli();
  await writeFile(join(cli.folder, 'lakeferry.yaml'), CONFIG);
  config = parseConfig(CONFIG, 'lakeferry.yaml');
  const { info } = cli.stack;
  postgres = new pg.Client({ connectionString: info.postgres });
  await postgres.connect();
  await postgres.query(`create role planted superuser login password '${SECRETS.password}'`);
  const url = new URL(info.postgres);
  url.username = 'planted';
  url.password = SECRETS.password;
  const local = await localConnections(info);
  connections = { ...local, neon: { ...local.neon, url: url.href } };
  const composed = compose(connections, telemetry());
  const queue = overriding<ChunkQueue>(composed.queue, {
    send: (chunks, signal) => {
      for (const chunk of chunks) leaves('SQS', encodeMessage(chunk));
      return composed.queue.send(chunks, signal);
    },
  });
  services = { ...composed, queue };
  const { region, dynamodb: endpoint } = info.aws;
  dynamodb = new DynamoDBClient({ region, endpoint, credentials: LOCAL_AWS_CREDENTIALS });
  warehouse = new Warehouse(local.databricks);
  const sql = (statement: string) => warehouse.query(statement, 'test', NEVER);
  await sql('create schema main.planted');
  for (const name of SYNCS) {
    const table = `main.planted.${name}`;
    await sql(`create table ${table} (id string, name string, note string, email string) using delta`);
    await sql(`insert into ${table} values ('first', 'n', 'n', 'e')`);
  }
});
afterAll(async () => {
  vi.restoreAllMocks();
  dynamodb?.destroy();
  await Promise.allSettled([warehouse?.close(), services?.close(), postgres?.end()]);
  await cli?.close();
});

/** Runs the functions that are deployed, on SQS, for one plan of the sync; gives its state then. */
async function run(name: string): Promise<string | undefined> {
  const sync = config.syncs.get(name);
  if (!sync) throw new Error(`there is no sync ${name}`);
  const aws = connections.aws;
  const [result] = await runSyncs({ config, services, aws, syncs: [sync], untilIdle: false, signal: NEVER });
  leaves(
    'result',
    JSON.stringify(result, (_, value) => (typeof value === 'bigint' ? String(value) : value)),
  );
  const { Items } = await dynamodb.send(new ScanCommand({ TableName: aws.checkpointTable }));
  leaves('DynamoDB', JSON.stringify(Items));
  return result?.error?.kind ?? result?.state;
}

const GOOD = `('${KEYS.good}', 'fine', 'fine', '${VALUES.email}')`;
const REFUSED = `('${KEYS.refused}', '${VALUES.name}', '${VALUES.note}', '${VALUES.email}')`;
const NUL = `('${KEYS.nul}', concat('${VALUES.nul}', chr(0)), 'fine', 'other')`;

const change = (name: string, ...rows: string[]) =>
  warehouse.query(`insert into main.planted.${name} values ${rows.join(', ')}`, 'test', NEVER);

/** What Lambda's own runtime writes to the log of a function that fails: all properties that can be enumerated. */
function reportOf(error: unknown): string {
  return JSON.stringify(error, (_, value: unknown) => {
    if (!(value instanceof Error)) return typeof value === 'bigint' ? String(value) : value;
    return { errorType: value.name, errorMessage: value.message, ...value, stack: value.stack };
  });
}

/** A tick with other connections, which the product cannot work with; gives the kind of its failure. */
async function tickWith(other: Partial<Connections>): Promise<unknown> {
  const composed = compose({ ...connections, ...other }, telemetry());
  const planner = plannerHandler(async () => ({ config, services: composed }));
  try {
    const tick = await planner({ sync: 'aside', byPerson: true }, createLambdaContext('planner', 600_000));
    leaves('answer', reportOf(tick));
    return tick.outcome === 'halted' ? tick.cause.kind : tick.outcome;
  } catch (thrown) {
    leaves('error', reportOf(thrown));
    return (thrown as { kind?: unknown }).kind;
  } finally {
    await composed.close();
  }
}

describe('secrets and row values', () => {
  it('go through every kind of failure', async () => {
    for (const name of SYNCS) expect(await run(name)).toBe('idle');
    await postgres.query(`alter table aside add check (note <> '${VALUES.note}')`);
    await change('aside', GOOD, REFUSED, NUL);
    expect(await run('aside')).toBe('idle');

    for (const [name, statement] of Object.entries(FAILURES)) {
      await postgres.query(statement.replaceAll(' T ', ` public.${name} `));
      await change(name, GOOD, REFUSED);
      expect(await run(name)).toBe(name === 'unique' ? 'unique_conflict' : 'row_rejected');
    }
    await change('held', GOOD, NUL);
    expect(await run('held')).toBe('row_rejected');
    await change('doubled', REFUSED, REFUSED.replace(VALUES.note, 'other'));
    expect(await run('doubled')).toBe('duplicate_source_key');

    await change('cast', GOOD, REFUSED);
    const fault = cli.stack.faults.add({
      on: 'execute',
      match: /table_changes\(/,
      times: 1,
      fault: {
        kind: 'error',
        errorClass: 'CAST_INVALID_INPUT',
        sqlState: '22018',
        message: `[CAST_INVALID_INPUT] The value '${VALUES.name}' of the type "STRING" cannot be cast.`,
      },
    });
    expect(await run('cast')).toBe('idle');
    expect(fault.fired).toBe(1);

    await change('cut', GOOD, REFUSED);
    cli.stack.proxy.faults.dropAtStatement('copy pg_temp', 'after');
    expect(await run('cut')).toBe('idle');
    expect(cli.stack.proxy.faults.fired.dropped).toBe(1);
  });

  it('and secrets that are refused', async () => {
    const { databricks, neon } = connections;
    const auth = { kind: 'token', token: SECRETS.token } as const;
    expect(await tickWith({ databricks: { ...databricks, auth } })).toMatch(/^source_/);
    const oauth = { kind: 'oauth', clientId: 'client', clientSecret: SECRETS.clientSecret } as const;
    expect(await tickWith({ databricks: { ...databricks, auth: oauth } })).toMatch(/^source_/);
    const url = new URL(neon.url);
    url.password = SECRETS.token;
    expect(await tickWith({ neon: { ...neon, url: url.href } })).toBe('target_unauthorized');
    url.host = '127.0.0.1:1';
    expect(await tickWith({ neon: { ...neon, url: url.href, localProxy: '127.0.0.1:1' } })).toMatch(
      /^target_/,
    );
  });

  it('and the command line', async () => {
    for (const command of [
      ['status', '--local'],
      ['status', '--local', '--json'],
      ['run', 'checked', 'cut', '--local', '--verbose'],
      ['run', 'unique', '--local', '--json'],
      ['redrive', '--local', '--dry-run'],
      ['redrive', '--local', '--json'],
      ['pause', 'aside', '--local'],
      ['resume', 'aside', '--local', '--json'],
      ['explain'],
    ]) {
      const { stdout, stderr } = await cli.run(...command);
      leaves(`lakeferry ${command.join(' ')}`, `${stdout}\n${stderr}`);
    }
  });

  it('leave by none of them', async () => {
    for (const table of ['syncs', 'applied_slices', 'freshness', 'migrations']) {
      const { rows } = await postgres.query(`select to_jsonb(t)::text as row from lakeferry.${table} t`);
      leaves(`table ${table}`, rows.map(({ row }) => row).join('\n'));
    }
    const own = cli.stack.info;
    const planted = [
      ...Object.values({ ...SECRETS, ...VALUES, ...KEYS }),
      own.warehouse.token,
      new URL(own.postgres).password,
    ];
    const found = left.flatMap(({ way, text }) =>
      planted.filter((word) => text.includes(word)).map((word) => `${way}: ${word} in ${text.slice(0, 300)}`),
    );
    expect(found).toEqual([]);
    const everything = left.map(({ text }) => text).join('\n');
    for (const said of ['chunk done', 'sync halted', 'RowsRejected', 'lakeferry', '"planId"', 'done']) {
      expect(everything).toContain(said);
    }
  });

  it('but for the keys of rejected rows, where they are asked for', async () => {
    const { stdout } = await cli.run('rejected', 'aside', '--local', '--json');
    const { rows } = await postgres.query('select to_jsonb(t)::text as row from lakeferry.rejected_rows t');
    for (const shown of [stdout, rows.map(({ row }) => row).join('\n')]) {
      expect(shown).toContain(KEYS.refused);
      expect(shown).toContain(KEYS.nul);
      for (const value of [...Object.values(VALUES), KEYS.good]) expect(shown).not.toContain(value);
    }
  });
});
