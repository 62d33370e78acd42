import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { type NeonProxy, startNeonProxy } from '../../src/local/neon-proxy/proxy.ts';
import type { SharedPostgres } from './postgres-server.ts';

/** An empty database of the run's Postgres, with a Neon proxy of its own. */
export interface FreshDatabase {
  /** Straight to Postgres, as a superuser. */
  readonly url: string;
  readonly name: string;
  /** Give `proxy.address` to the Neon driver; `proxy.faults` breaks its connections. */
  readonly proxy: NeonProxy;
  /** Runs one statement as a superuser, past the proxy. */
  query<Row extends pg.QueryResultRow>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Drops the database and closes the proxy; whoever is connected is cut off. */
  drop(): Promise<void>;
}

export async function freshDatabase(): Promise<FreshDatabase> {
  const shared = await sharedPostgres();
  const url = (database: string) =>
    `postgresql://${shared.user}:${shared.password}@${shared.host}:${shared.port}/${database}`;
  const name = `test_${randomUUID().replaceAll('-', '')}`;
  await withClient(url('postgres'), (client) => client.query(`create database ${name} strategy file_copy`));
  const proxy = await startNeonProxy({ postgres: { ...shared, ...shared.pooler, url } });
  const pool = new pg.Pool({ connectionString: url(name), max: 4 });
  pool.on('error', () => undefined);

  /** The server's connections are the pooler's, and carry the name of their last client. */
  async function terminateBackends(): Promise<number> {
    const { rowCount } = await pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'lakeferry'",
      [name],
    );
    proxy.faults.fired.terminated += rowCount ?? 0;
    return rowCount ?? 0;
  }

  return {
    url: url(name),
    name,
    proxy: shared.pooler === undefined ? proxy : { ...proxy, terminateBackends },
    async query<Row extends pg.QueryResultRow>(sql: string, values: readonly unknown[] = []) {
      const { rows } = await pool.query<Row>(sql, [...values]);
      return rows;
    },
    async drop() {
      await Promise.all([proxy.close(), pool.end()]);
      await withClient(url('postgres'), (client) => client.query(`drop database ${name} with (force)`));
    },
  };
}

async function sharedPostgres(): Promise<SharedPostgres> {
  const response = await fetch(inject('sharedPostgresUrl'));
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return JSON.parse(text) as SharedPostgres;
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
