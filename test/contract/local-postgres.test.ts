import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, chmod, mkdir, mkdtemp, readFile, rm, utimes } from 'node:fs/promises';
import { createServer } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import { findFreePort } from '../../src/local/free-port.ts';
import { resolveAccount } from '../../src/local/postgres/account.ts';
import { resolveBinaries } from '../../src/local/postgres/binaries.ts';
import { type PostgresServer, startPostgres } from '../../src/local/postgres/server.ts';

const asRoot = process.getuid?.() === 0;
let scratch: string;
/** One cluster for all tests here: each starts its own server on it. */
let directory: string;
const servers: PostgresServer[] = [];

beforeAll(async () => {
  scratch = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-test-'));
  await chmod(scratch, 0o755);
  directory = path.join(scratch, 'pg');
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.stop();
});
afterAll(() => rm(scratch, { recursive: true, force: true }));

async function start(where = directory): Promise<PostgresServer> {
  const server = await startPostgres({ directory: where });
  servers.push(server);
  return server;
}

async function ask(url: string, sql: string): Promise<Record<string, unknown>> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

async function postmasterPid(): Promise<number> {
  const { data } = JSON.parse(await readFile(path.join(directory, 'cluster.json'), 'utf8'));
  return Number((await readFile(path.join(data, 'postmaster.pid'), 'utf8')).split('\n')[0]);
}

async function untilGone(pid: number): Promise<void> {
  await expect.poll(() => isAlive(pid), { interval: 20 }).toBe(false);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

test('a server is PostgreSQL 18, in UTC and UTF-8, and listens on the loopback interface only', async () => {
  const server = await start();
  const facts = await ask(
    server.url('postgres'),
    `select current_setting('server_version_num')::int / 10000 as major, current_setting('timezone') as timezone,
      current_setting('server_encoding') as encoding, current_setting('listen_addresses') as addresses,
      current_setting('unix_socket_directories') as sockets, current_setting('fsync') as fsync,
      lower('ÄÖ') as lower, current_setting('max_connections') as connections`,
  );
  expect(facts).toEqual({
    major: 18,
    timezone: 'UTC',
    encoding: 'UTF8',
    addresses: '127.0.0.1',
    sockets: '',
    fsync: 'off',
    lower: 'äö',
    connections: '60',
  });
});

test('a wrong password is refused', async () => {
  const server = await start();
  const url = server.url('postgres').replace(server.password, 'wrong');
  await expect(ask(url, 'select 1')).rejects.toMatchObject({ code: '28P01' });
});

test('databases and their rows are there again after a stop, on the same password', async () => {
  const first = await start();
  await first.createDatabase('odd "name');
  await ask(first.url('odd "name'), 'create table t as select 42 as n');
  await first.stop();
  const second = await start();
  await second.createDatabase('odd "name');
  expect(await ask(second.url('odd "name'), 'select n from t')).toEqual({ n: 42 });
  expect(second.password).toBe(first.password);
});

test('a dropped database is gone though somebody was connected', async () => {
  const server = await start();
  await server.createDatabase('busy');
  const client = new pg.Client({ connectionString: server.url('busy') });
  const cut = new Promise((resolve) => client.on('error', resolve));
  await client.connect();
  await server.dropDatabase('busy');
  await cut;
  await expect(ask(server.url('busy'), 'select 1')).rejects.toMatchObject({ code: '3D000' });
});

test('the data of a server that was killed are used again', async () => {
  const first = await start();
  await ask(first.url('postgres'), 'create table killed as select 42 as n');
  const pid = await postmasterPid();
  process.kill(pid, 'SIGKILL');
  await untilGone(pid);
  const second = await start();
  expect(await ask(second.url('postgres'), 'select n from killed')).toEqual({ n: 42 });
});

test('a server ends when the process that started it is killed', async () => {
  const module = new URL('../../src/local/postgres/server.ts', import.meta.url).href;
  const script = `const { startPostgres } = await import(${JSON.stringify(module)});
    await startPostgres({ directory: ${JSON.stringify(directory)} });
    console.log('started');
    setInterval(() => {}, 1000);`;
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await once(owner.stdout, 'data');
  const pid = await postmasterPid();
  expect(isAlive(pid)).toBe(true);
  owner.kill('SIGKILL');
  await untilGone(pid);
});

test('a server that outlived its owner is stopped before the next start', async () => {
  await (await start()).stop();
  const { data } = JSON.parse(await readFile(path.join(directory, 'cluster.json'), 'utf8'));
  const account = await resolveAccount();
  const { postgres } = await resolveBinaries(account);
  const port = await findFreePort(undefined, 'a test');
  const args = ['-D', data, '-c', 'unix_socket_directories=', '-p', String(port)];
  const orphan = spawn(postgres, args, { cwd: '/', stdio: ['ignore', 'ignore', 'pipe'], ...account.ids });
  const ended = once(orphan, 'exit');
  for await (const text of orphan.stderr) if (String(text).includes('ready to accept connections')) break;

  const server = await start();
  await ended;
  expect(await ask(server.url('postgres'), 'select 1 as n')).toEqual({ n: 1 });
});

test('a directory whose server is in use is refused, with the process that uses it', async () => {
  await start();
  const error = await startPostgres({ directory }).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(SyncError);
  expect(error).toMatchObject({
    kind: 'local_failed',
    message: expect.stringContaining(`Process ${process.pid} `),
  });
});

test('a taken port is one clear sentence', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = holder.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await expect(startPostgres({ directory, port })).rejects.toMatchObject({
    kind: 'local_failed',
    message: `Port ${port} is taken: stop what listens there, or choose another port for Postgres.`,
  });
  holder.close();
});

test('a directory below a folder that only we can enter works, and starts empty after it was removed', async () => {
  const closed = path.join(scratch, 'closed');
  await mkdir(closed, { mode: 0o700 });
  const hidden = path.join(closed, 'pg');
  const first = await start(hidden);
  await first.createDatabase('old');
  const { data } = JSON.parse(await readFile(path.join(hidden, 'cluster.json'), 'utf8'));
  expect(data.startsWith(closed)).toBe(!asRoot);
  await first.stop();
  const again = await start(hidden);
  expect(await ask(again.url('old'), 'select 1 as n')).toEqual({ n: 1 });
  await again.stop();

  await rm(hidden, { recursive: true });
  const second = await start(hidden);
  await expect(ask(second.url('old'), 'select 1')).rejects.toMatchObject({ code: '3D000' });
  await second.stop();
  if (asRoot) await rm(path.dirname(data), { recursive: true });
});

test.runIf(asRoot)(
  'data in a temporary folder go when their directory is gone, unless they are young',
  async () => {
    const closed = path.join(scratch, 'passing');
    await mkdir(closed, { mode: 0o700 });
    const homes: string[] = [];
    for (const name of ['old', 'young', 'kept', 'last']) {
      const hidden = path.join(closed, name);
      const server = await start(hidden);
      await server.stop();
      const { data } = JSON.parse(await readFile(path.join(hidden, 'cluster.json'), 'utf8'));
      const home = path.dirname(data);
      homes.push(home);
      if (name === 'old' || name === 'kept') await utimes(path.join(home, 'belongs-to'), 0, 0);
      if (name === 'old' || name === 'young') await rm(hidden, { recursive: true });
    }
    const found = await Promise.all(
      homes.map((home) =>
        access(home).then(
          () => true,
          () => false,
        ),
      ),
    );
    expect(found).toEqual([false, true, true, true]);
    for (const home of homes) await rm(home, { recursive: true, force: true });
  },
);
