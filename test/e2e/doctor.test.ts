import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PurgeQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import { configDigest } from '../../src/config/deployment.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { type Cli, openCli } from '../support/cli.ts';
import { type DeployedStack, deployStack } from '../support/deployed.ts';

const NAME = 'clinic';
const TOKEN_SECRET = 'prod/databricks';
const NEON_SECRET = 'prod/neon';

let cli: Cli;
let deployed: DeployedStack;
let postgres: pg.Client;
let healthy: string;

/** One sync, `fruit`, with which all is well; each fault is planted beside or into it. */
beforeAll(async () => {
  cli = await openCli();
  const { info } = cli.stack;
  healthy = `connections:
  databricks: { host: "${info.warehouse.host}:${info.warehouse.port}", httpPath: ${info.warehouse.path}, secret: ${TOKEN_SECRET} }
  neon: { secret: ${NEON_SECRET} }
syncs:
  fruit: { source: main.shop.fruit, target: shop.fruit, primaryKey: id }
`;
  await writeFile(join(cli.folder, 'fruit.csv'), 'id,name,kind\n1,apple,a\n2,pear,a\n3,plum,b\n');
  expect((await cli.run('local', 'load', 'fruit.csv', 'as', 'main.shop.fruit')).code).toBe(0);
  deployed = await deployStack(cli.stack, healthy, NAME);
  postgres = new pg.Client({ connectionString: info.postgres });
  await postgres.connect();
});
afterAll(async () => {
  await postgres?.end();
  await deployed?.close();
  await cli?.close();
});

beforeEach(async () => {
  const { info, faults } = cli.stack;
  faults.clear();
  deployed.secrets.set(TOKEN_SECRET, JSON.stringify({ token: info.warehouse.token }));
  deployed.secrets.set(NEON_SECRET, JSON.stringify({ url: info.postgres }));
  deployed.account.credentialsAreValid = true;
  deployed.account.concurrency = 1_000;
  deployed.account.ringing.clear();
  deployed.account.refused.clear();
  await tellOfDeployment(healthy);
});

const write = (text: string) => writeFile(join(cli.folder, 'lakeferry.yaml'), text);
const sql = async (statement: string) => expect((await cli.run('local', 'sql', statement)).code).toBe(0);

/** Writes the configuration, and has the deployment say that it was made from it. */
async function tellOfDeployment(text: string): Promise<void> {
  const deployment = { ...deployed.deployment, configDigest: configDigest(text) };
  deployed.parameters.set(`/lakeferry/${NAME}`, JSON.stringify(deployment));
  await write(text);
}

interface Examined {
  readonly code: number;
  readonly problems: number;
  readonly findings: readonly Finding[];
  readonly all: string;
}

async function examine(...args: readonly string[]): Promise<Examined> {
  const { code, answer } = await cli.json('doctor', '--deployment', NAME, ...args);
  const { problems, findings } = answer as Pick<Examined, 'problems' | 'findings'>;
  return { code, problems, findings, all: JSON.stringify(answer) };
}

const wrong = ({ findings }: Examined) => findings.filter(({ verdict }) => verdict !== 'ok');

/** A role with which the connection is made from now on; gives what takes it away. */
async function connectAs(role: string, grants: readonly string[] = []): Promise<() => Promise<void>> {
  await postgres.query(`create role ${role} login password 'a secret word'`);
  for (const grant of grants) await postgres.query(`${grant} to ${role}`);
  const url = new URL(cli.stack.info.postgres);
  url.username = role;
  url.password = 'a secret word';
  deployed.secrets.set(NEON_SECRET, JSON.stringify({ url: url.href }));
  return async () => {
    await postgres.query(`drop owned by ${role} cascade`);
    await postgres.query(`drop role ${role}`);
  };
}

it('finds nothing wrong where nothing is', async () => {
  const found = await examine();
  expect(wrong(found)).toEqual([]);
  expect(found.code).toBe(0);
  const areas = new Set(found.findings.map(({ area }) => area));
  expect([...areas]).toEqual(['machine', 'databricks', 'neon', 'stack']);
  expect(found.findings.map(({ check }) => check)).toEqual(
    expect.arrayContaining([
      'change feed',
      'key',
      'columns',
      'max_connections',
      'schema lakeferry',
      'secret',
    ]),
  );
  expect((await cli.run('doctor', '--deployment', NAME)).stdout).toMatch(/\n\nAll is well\.\n$/);
});

interface Planted {
  /** Statements to run before the fix is seen to work; gives what it takes to mend it, unless that is what is pasted. */
  readonly plant: () => Promise<void | (() => Promise<void>)>;
  readonly finds: {
    readonly area: string;
    readonly check: string;
    readonly subject: string;
    readonly text: RegExp;
  };
  /** Who is to do what. */
  readonly fix: RegExp;
  /** Where what is pasted is run, after which nothing is wrong any more. */
  readonly heals?: (statement: string) => Promise<unknown>;
}

const withSync = (settings: string) => tellOfDeployment(healthy.replace('primaryKey: id', settings));
const withTable = (table: string, key: string) =>
  tellOfDeployment(`${healthy}  more: { source: ${table}, target: shop.more, primaryKey: ${key} }\n`);

const FAULTS: Readonly<Record<string, Planted>> = {
  'a table that is not there': {
    plant: () => withTable('main.shop.gone', 'id'),
    finds: { area: 'databricks', check: 'table', subject: 'main.shop.gone', text: /does not exist/ },
    fix: /You: .*Correct syncs\.more\.source/,
  },
  'a table that the principal may not read': {
    plant: async () => {
      const error = { errorClass: 'INSUFFICIENT_PERMISSIONS', sqlState: '42501', message: 'no SELECT' };
      cli.stack.faults.add({
        on: 'execute',
        match: /^describe detail/,
        times: 1_000,
        fault: { kind: 'error', ...error },
      });
    },
    finds: { area: 'databricks', check: 'table', subject: 'main.shop.fruit', text: /may not read/ },
    fix: /owner of main\.shop\.fruit.*grant use catalog on catalog `main` to `local`;.*grant select on table `main`\.`shop`\.`fruit` to `local`;/,
  },
  'a change feed that is off': {
    plant: async () => {
      await sql('create table main.shop.quiet (id int) tblproperties (delta.enableChangeDataFeed = false)');
      await withTable('main.shop.quiet', 'id');
    },
    finds: { area: 'databricks', check: 'change feed', subject: 'main.shop.quiet', text: /is off/ },
    fix: /owner of main\.shop\.quiet.*alter table .* set tblproperties/,
    heals: sql,
  },
  'changes that are kept for a day': {
    plant: async () => {
      await sql(
        "create table main.shop.brief (id int) tblproperties (delta.deletedFileRetentionDuration = 'interval 24 hours')",
      );
      await withTable('main.shop.brief', 'id');
    },
    finds: { area: 'databricks', check: 'retention', subject: 'main.shop.brief', text: /kept for 1 day:/ },
    fix: /deletedFileRetentionDuration/,
    heals: sql,
  },
  'a key that is none': {
    plant: () => withSync('primaryKey: kind'),
    finds: {
      area: 'databricks',
      check: 'key',
      subject: 'main.shop.fruit',
      text: /^1 key \(kind\) with more than one row/,
    },
    fix: /syncs\.fruit\.primaryKey/,
  },
  'a key column that is not there': {
    plant: () => withSync('primaryKey: number'),
    finds: { area: 'databricks', check: 'columns', subject: 'main.shop.fruit', text: /has no column number/ },
    fix: /column names of syncs\.fruit/,
  },
  'a type that does not fit': {
    plant: () => withSync('primaryKey: id, columns: { types: { name: integer } }'),
    finds: {
      area: 'databricks',
      check: 'columns',
      subject: 'main.shop.fruit',
      text: /does not fit the type integer/,
    },
    fix: /syncs\.fruit\.columns\.types/,
  },
  'a filter that the warehouse does not understand': {
    plant: () => withSync('primaryKey: id, where: colour = 1'),
    finds: { area: 'databricks', check: 'key', subject: 'main.shop.fruit', text: /refused the query/ },
    fix: /column names of syncs\.fruit/,
  },
  'a token that is not valid': {
    plant: async () => {
      deployed.secrets.set(TOKEN_SECRET, JSON.stringify({ token: 'a secret word' }));
    },
    finds: { area: 'databricks', check: 'answer', subject: 'warehouse', text: /refused the credentials/ },
    fix: /workspace admin.*CAN USE/,
  },
  'a password that is wrong': {
    plant: async () => {
      const url = new URL(cli.stack.info.postgres);
      url.password = 'a secret word';
      deployed.secrets.set(NEON_SECRET, JSON.stringify({ url: url.href }));
    },
    finds: { area: 'neon', check: 'answer', subject: 'server', text: /refused/ },
    fix: /password of NEON_URL/,
  },
  'a direct host of another role': {
    plant: async () => {
      const undo = await connectAs('other');
      const { url } = JSON.parse(deployed.secrets.get(NEON_SECRET) as string);
      const both = { url: cli.stack.info.postgres, directUrl: url };
      deployed.secrets.set(NEON_SECRET, JSON.stringify(both));
      return undo;
    },
    finds: { area: 'neon', check: 'direct host', subject: 'server', text: /as other/ },
    fix: /the same database and the same role/,
  },
  'a role that may not make our schema': {
    plant: async () => {
      const undo = await connectAs('maker', ['grant create on schema public']);
      return async () => {
        await undo();
        await postgres.query('drop schema if exists lakeferry, shop cascade');
      };
    },
    finds: { area: 'neon', check: 'schema lakeferry', subject: 'role maker', text: /may not create/ },
    fix: /owner of the database.*create schema lakeferry; grant .* to "maker";/,
    heals: async (statement) => {
      await postgres.query(statement);
    },
  },
  'a target table that the role may not write': {
    plant: async () => {
      await postgres.query(
        'create schema lakeferry_shop; create table lakeferry_shop.fruit (id bigint primary key)',
      );
      const undo = await connectAs('guest', [
        'grant create on database app',
        'grant usage on schema lakeferry_shop',
      ]);
      await tellOfDeployment(
        healthy.replace(
          'target: shop.fruit, primaryKey: id',
          'target: lakeferry_shop.fruit, primaryKey: id, columns: { include: [id] }',
        ),
      );
      return async () => {
        await undo();
        await postgres.query('drop schema lakeferry_shop cascade');
      };
    },
    finds: { area: 'neon', check: 'grants', subject: 'lakeferry_shop.fruit', text: /lacks rights/ },
    fix: /grant select, insert, update, delete on table "lakeferry_shop"."fruit" to "guest";/,
    heals: (statement) => postgres.query(statement),
  },
  'a target table that does not fit': {
    plant: async () => {
      await postgres.query('create schema shop; create table shop.fruit (id bigint, name text)');
      return () => postgres.query('drop schema shop cascade').then(() => undefined);
    },
    finds: {
      area: 'neon',
      check: 'table',
      subject: 'shop.fruit',
      text: /lacks the columns "kind".*no primary key/,
    },
    fix: /Change shop\.fruit accordingly/,
  },
  'rows of others in the target': {
    plant: async () => {
      await postgres.query(
        "create schema shop; create table shop.fruit (id bigint primary key, name text, kind text); insert into shop.fruit values (7, 'a', 'a secret word')",
      );
      return () => postgres.query('drop schema shop cascade').then(() => undefined);
    },
    finds: { area: 'neon', check: 'rows', subject: 'shop.fruit', text: /did not write/ },
    fix: /Empty shop\.fruit/,
  },
  'more writers than connections': {
    plant: () => withSync('primaryKey: id, maxWriters: 100'),
    finds: {
      area: 'neon',
      check: 'max_connections',
      subject: 'connections',
      text: /^100 writers and 1 planner at most, of \d+/,
    },
    fix: /Lower maxWriters/,
  },
  'more functions than the account may run': {
    plant: async () => {
      deployed.account.concurrency = 3;
    },
    finds: {
      area: 'stack',
      check: 'concurrency',
      subject: 'Lambda',
      text: /^5 functions at once at most, of 3/,
    },
    fix: /quota "Concurrent executions"/,
  },
  'a secret that is not there': {
    plant: async () => {
      deployed.secrets.delete(NEON_SECRET);
    },
    finds: {
      area: 'stack',
      check: 'secret',
      subject: `secret ${NEON_SECRET}`,
      text: /is not in Secrets Manager/,
    },
    fix: /aws secretsmanager create-secret --name prod\/neon/,
  },
  'a warehouse that only the environment names': {
    plant: () => tellOfDeployment(healthy.replace(/httpPath: \S+, /, '')),
    finds: {
      area: 'stack',
      check: 'connection',
      subject: 'warehouse',
      text: /connections\.databricks\.httpPath not set in lakeferry\.yaml/,
    },
    fix: /Write connections\.databricks\.httpPath into lakeferry\.yaml/,
  },
  'a configuration that was not deployed': {
    plant: () => write(`${healthy}# changed\n`),
    finds: { area: 'stack', check: 'configuration', subject: 'stack', text: /another lakeferry\.yaml/ },
    fix: /npx cdk deploy/,
  },
  'an alarm that is going off': {
    plant: async () => {
      deployed.account.ringing.add(`${NAME}-lag`);
    },
    finds: { area: 'stack', check: 'alarms', subject: 'alarms', text: /clinic-lag/ },
    fix: /lakeferry status/,
  },
  'a dead letter': {
    plant: async () => {
      const { region, sqs, deadLetterQueueUrl } = cli.stack.info.aws;
      const client = new SQSClient({ region, endpoint: sqs, credentials: LOCAL_AWS_CREDENTIALS });
      await client.send(new SendMessageCommand({ QueueUrl: deadLetterQueueUrl, MessageBody: '{}' }));
      return async () => {
        await client.send(new PurgeQueueCommand({ QueueUrl: deadLetterQueueUrl }));
        client.destroy();
      };
    },
    finds: { area: 'stack', check: 'dead letters', subject: 'dead-letter queue', text: /about 1 message/ },
    fix: /lakeferry redrive --dry-run/,
  },
};

describe('a planted fault is found, and its fix named:', () => {
  it.each(Object.entries(FAULTS))('%s', async (_, { plant, finds, fix, heals }) => {
    const undo = await plant();
    try {
      const found = await examine();
      const finding = found.findings.find(
        ({ area, check, subject, verdict }) =>
          area === finds.area && check === finds.check && subject === finds.subject && verdict !== 'ok',
      );
      expect(finding, JSON.stringify(wrong(found), null, 1)).toBeDefined();
      expect(finding?.text).toMatch(finds.text);
      const { by, paste, advice } = finding?.fix ?? { by: '', paste: [] };
      expect([`${by}:`, ...paste, advice].join(' ')).toMatch(fix);
      expect(found.code).toBe(finding?.verdict === 'problem' ? 3 : 0);
      expect(found.all).not.toContain('a secret word');
      if (!heals) return;
      for (const { fix: each } of wrong(found)) {
        for (const statement of each?.paste ?? []) await heals(statement);
      }
      expect(wrong(await examine())).toEqual([]);
    } finally {
      await undo?.();
    }
  });
});

it('names what ties the rows of a table together, and what to do where that is too slow', async () => {
  await postgres.query(`create schema shop; create table shop.fruit (
    id bigint primary key, name text unique, kind text, parent bigint references shop.fruit)`);
  try {
    const notes = wrong(await examine());
    expect(notes.map(({ check, verdict }) => `${check}: ${verdict}`)).toEqual([
      'unique: note',
      'foreign key: note',
    ]);
    for (const { fix } of notes) expect(fix?.advice).toContain('shop.fruit');
  } finally {
    await postgres.query('drop schema shop cascade');
  }
});

describe('what cannot be looked at', () => {
  it('is said with what to do, where AWS refuses a look', async () => {
    deployed.account.refused.add('DescribeAlarms');
    const found = await examine();
    expect(wrong(found)).toEqual([
      expect.objectContaining({
        subject: 'alarms',
        verdict: 'unchecked',
        fix: expect.objectContaining({ advice: expect.stringContaining('cloudwatch:DescribeAlarms') }),
      }),
    ]);
    expect(found.code).toBe(1);
    expect((await cli.run('doctor', '--deployment', NAME)).stdout).toContain(
      'Grant cloudwatch:DescribeAlarms',
    );
  });

  it('is said of the tables when the warehouse does not answer, and of nothing else', async () => {
    deployed.secrets.set(TOKEN_SECRET, JSON.stringify({ token: 'wrong' }));
    const found = await examine();
    expect(wrong(found).map(({ subject, verdict }) => `${subject}: ${verdict}`)).toEqual([
      'warehouse: problem',
      'main.shop.fruit: unchecked',
      'shop.fruit: unchecked',
    ]);
    const { stdout } = await cli.run('doctor', '--deployment', NAME);
    expect(stdout).toContain('Not checked: main.shop.fruit (table), shop.fruit (table).');
  });

  it('is all that AWS has to be asked for when it does not accept the credentials, which is one problem', async () => {
    deployed.account.credentialsAreValid = false;
    const found = await examine();
    expect(found.code).toBe(3);
    expectAwsAlone(found);
    expect(wrong(found)).toContainEqual(
      expect.objectContaining({
        area: 'machine',
        check: 'AWS credentials',
        fix: expect.objectContaining({ advice: expect.stringContaining('aws sso login') }),
      }),
    );
    const { stdout } = await cli.run('doctor', '--deployment', NAME);
    expect(stdout).toContain('its secret cannot be read with these AWS credentials');
  });
});

/** The one problem is that AWS cannot be asked; nothing that needs it was looked at. */
function expectAwsAlone({ findings }: Awaited<ReturnType<typeof examine>>): void {
  expect(findings.map(({ subject, verdict }) => `${subject}: ${verdict}`)).toEqual([
    'AWS: problem',
    'warehouse: unchecked',
    'main.shop.fruit: unchecked',
    'server: unchecked',
    'shop.fruit: unchecked',
    'stack: unchecked',
  ]);
}

it('a region that is not set is one problem, and what needs it is not checked', async () => {
  const set = process.env['AWS_REGION'];
  delete process.env['AWS_REGION'];
  process.env['AWS_CONFIG_FILE'] = '/nowhere/config';
  try {
    const found = await examine();
    expectAwsAlone(found);
    const { stdout } = await cli.run('doctor', '--deployment', NAME);
    expect(stdout).toContain('its secret cannot be read without AWS_REGION');
    expect(stdout).toMatch(/\n1 problem\. What to do:\n\n {2}1 {2}You\n {5}Set AWS_REGION here, .*\n$/);
  } finally {
    process.env['AWS_REGION'] = set;
    delete process.env['AWS_CONFIG_FILE'];
  }
});

describe('before a deployment', () => {
  it('there is none yet, which is no failure', async () => {
    deployed.parameters.clear();
    const found = await examine();
    expect(wrong(found)).toEqual([
      expect.objectContaining({
        subject: 'stack',
        verdict: 'note',
        fix: { by: 'You', paste: ['npx cdk bootstrap', `npx cdk deploy -c name=${NAME}`] },
      }),
    ]);
    expect(found.code).toBe(0);
    deployed.parameters.set('/cdk-bootstrap/hnb659fds/version', '21');
    expect(wrong(await examine())).toEqual([
      expect.objectContaining({ fix: { by: 'You', paste: [`npx cdk deploy -c name=${NAME}`] } }),
    ]);
  });
});

describe('of a sync that is deployed', () => {
  it('a halt is a problem with its remedy, a pause a note', async () => {
    await withSync('primaryKey: kind');
    await cli.run('pause', 'fruit', '--deployment', NAME, '--reason', 'index build');
    expect(wrong(await examine())).toContainEqual(
      expect.objectContaining({
        subject: 'fruit',
        verdict: 'note',
        text: 'paused by ana, "index build"',
        fix: { by: 'You', paste: [`lakeferry resume fruit --deployment ${NAME}`] },
      }),
    );
    await cli.run('resume', 'fruit', '--deployment', NAME);
    await postgres.query('create schema shop; create table shop.fruit (id bigint)');
    expect((await cli.run('run', 'fruit', '--deployment', NAME)).code).toBe(3);
    expect(wrong(await examine())).toContainEqual(
      expect.objectContaining({
        subject: 'fruit',
        verdict: 'problem',
        text: 'halted: target_incompatible',
        fix: expect.objectContaining({ advice: expect.stringContaining('lakeferry run fruit') }),
      }),
    );
    await postgres.query('drop schema shop cascade');
  });

  it('columns that came after the load are a note, as the planner leaves them out', async () => {
    await sql('create table main.shop.herbs (id int)');
    const herbs = 'syncs:\n  herbs: { source: main.shop.herbs, target: garden.herbs, primaryKey: id }\n';
    await tellOfDeployment(healthy.replace(/syncs:.*$/s, herbs));
    expect((await cli.run('run', 'herbs', '--local')).code).toBe(0);
    await sql('alter table main.shop.herbs add column smell string');
    const found = await examine();
    expect(wrong(found)).toEqual([
      expect.objectContaining({
        subject: 'garden.herbs',
        check: 'drift',
        verdict: 'note',
        text: 'new at the source and left out: smell',
      }),
    ]);
    expect(found.code).toBe(0);
  });
});

describe('the command', () => {
  const at = (offMs: number) => {
    let stdout = '';
    const io = {
      stdout: {
        write: (text: string) => {
          stdout += text;
        },
      },
      stderr: { write: () => {} },
      env: {},
      cwd: cli.folder,
      clock: { now: () => Date.now() + offMs },
      signal: new AbortController().signal,
    };
    return runCli(['doctor', '--deployment', NAME], io).then((code) => ({ code, stdout }));
  };

  it('finds a clock that is wrong', async () => {
    const { code, stdout } = await at(-600_000);
    expect(code).toBe(3);
    expect(stdout).toMatch(
      /clock {2}x (599|600|601) s behind the warehouse, (599|600|601) s behind\s+Postgres/,
    );
    expect(stdout).toContain('NTP');
    expect((await at(600_000)).stdout).toContain('s ahead of Postgres');
  });

  it('reports a configuration that is wrong as every command does', async () => {
    await write('syncs: {}\n');
    const ended = await cli.run('doctor', '--deployment', NAME);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('has no sync');
  });

  it('names the configuration that was meant, in what is wrong and in what to do', async () => {
    await writeFile(
      join(cli.folder, 'our.yaml'),
      healthy.replace(/ {2}databricks: .*\n/, '  databricks: {}\n'),
    );
    const { findings } = await examine('-c', 'our.yaml');
    const said = JSON.stringify(findings);
    expect(said).not.toContain('lakeferry.yaml');
    for (const words of [
      'connections.databricks.host of our.yaml is not set',
      'connections.databricks.host, connections.databricks.httpPath not set in our.yaml',
      'Write the name of the secret under connections.databricks.secret in our.yaml.',
      'deployed from another our.yaml than this one',
    ]) {
      expect(said).toContain(words);
    }
  });

  it('asks nobody with --offline', async () => {
    deployed.calls.length = 0;
    const ended = await cli.run('doctor', '--offline');
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain('✓ 1 sync, no problems');
    expect(deployed.calls).toEqual([]);
  });

  it('looks at the local stack, of which nothing is deployed', async () => {
    const { code, answer } = await cli.json('doctor', 'fruit', '--local');
    expect(code).toBe(0);
    const { findings } = answer as { readonly findings: readonly Finding[] };
    expect(findings.some(({ area }) => area === 'stack')).toBe(false);
    expect(findings.some(({ subject }) => subject === 'shop.fruit')).toBe(true);
  });

  it('changes nothing', async () => {
    const state = async () => [
      (
        await postgres.query(
          'select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace order by 1, 2',
        )
      ).rows,
      (await cli.json('local', 'sql', 'describe history main.shop.fruit')).answer,
    ];
    const before = await state();
    await examine();
    expect(await state()).toEqual(before);
  });
});
