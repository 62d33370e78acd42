import { PurgeQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { Clinic, type Examined, NAME, NEON_SECRET, type Planted, wrong } from '../support/doctor.ts';

let clinic: Clinic;

beforeAll(async () => {
  clinic = await Clinic.open();
});
beforeEach(() => clinic.heal());
afterAll(() => clinic?.close());

it('finds nothing wrong where nothing is', async () => {
  const found = await clinic.examine();
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
  expect(await clinic.screen()).toMatch(/\n\nAll is well\.\n$/);
});

const FAULTS: Readonly<Record<string, Planted>> = {
  'more functions than the account may run': {
    plant: async () => {
      clinic.deployed.account.concurrency = 3;
    },
    finds: {
      area: 'stack',
      check: 'concurrency',
      subject: 'Lambda',
      text: /^5 functions at once at most, of 3/,
    },
    fix: /quota "Concurrent executions"/,
  },
  'functions for which others leave no room': {
    plant: async () => {
      clinic.deployed.account.reserved = 997;
    },
    finds: { area: 'stack', check: 'concurrency', subject: 'Lambda', text: /of 3 that the account has room/ },
    fix: /reserve less of it for other functions/,
  },
  'a secret that is deleted': {
    plant: async () => {
      clinic.deployed.account.deletedSecrets.add(NEON_SECRET);
    },
    finds: { area: 'stack', check: 'secret', subject: `secret ${NEON_SECRET}`, text: /^is deleted/ },
    fix: /aws secretsmanager restore-secret --secret-id prod\/neon --region us-east-1/,
  },
  'a secret that is not there': {
    plant: async () => {
      clinic.deployed.secrets.delete(NEON_SECRET);
    },
    finds: {
      area: 'stack',
      check: 'secret',
      subject: `secret ${NEON_SECRET}`,
      text: /is not in Secrets Manager/,
    },
    fix: /aws secretsmanager create-secret --name prod\/neon --secret-string file:\/\/neon\.json --region us-east-1/,
  },
  'a warehouse that only the environment names': {
    plant: () => clinic.tellOfDeployment(clinic.healthy.replace(/httpPath: \S+, /, '')),
    finds: {
      area: 'stack',
      check: 'connection',
      subject: 'warehouse',
      text: /connections\.databricks\.httpPath not set in lakeferry\.yaml/,
    },
    fix: /Write connections\.databricks\.httpPath into lakeferry\.yaml/,
  },
  'a configuration that was not deployed': {
    plant: () => clinic.write(`${clinic.healthy}# changed\n`),
    finds: { area: 'stack', check: 'configuration', subject: 'stack', text: /another lakeferry\.yaml/ },
    fix: /npx cdk deploy/,
  },
  'an alarm that is going off': {
    plant: async () => {
      clinic.deployed.account.ringing.add(`${NAME}-lag`);
    },
    finds: { area: 'stack', check: 'alarms', subject: 'alarms', text: /clinic-lag/ },
    fix: /lakeferry status/,
  },
  'alarms that nobody hears': {
    plant: async () => {
      clinic.deployed.account.subscribers = { confirmed: 0, pending: 0 };
    },
    finds: { area: 'stack', check: 'subscribers', subject: 'alarm topic', text: /^heard by nobody$/ },
    fix: /aws sns subscribe --topic-arn arn:aws:sns:\S+:clinic --protocol email .* --region us-east-1/,
  },
  'alarms whose one subscriber did not confirm': {
    plant: async () => {
      clinic.deployed.account.subscribers = { confirmed: 0, pending: 1 };
    },
    finds: {
      area: 'stack',
      check: 'subscribers',
      subject: 'alarm topic',
      text: /1 subscriber did not confirm/,
    },
    fix: /Subscription Confirmation/,
  },
  'a dead letter': {
    plant: async () => {
      const { region, sqs, deadLetterQueueUrl } = clinic.cli.stack.info.aws;
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
  it.each(Object.entries(FAULTS))('%s', (_, fault) => clinic.expectFound(fault));
});

it('counts the functions of every sync, whichever it is asked about', async () => {
  const more = '  more: { source: main.shop.more, target: shop.more, primaryKey: id }\n';
  await clinic.tellOfDeployment(clinic.healthy + more);
  clinic.deployed.account.concurrency = 9;
  const found = await clinic.examine('fruit');
  expect(wrong(found).map(({ subject, text }) => `${subject}: ${text}`)).toEqual([
    'Lambda: 10 functions at once at most, of 9 that the account has room for',
  ]);
});

/** The one problem is that AWS cannot be asked; nothing that needs it was looked at. */
function expectAwsAlone({ findings }: Examined): void {
  expect(findings.map(({ subject, verdict }) => `${subject}: ${verdict}`)).toEqual([
    'AWS: problem',
    'warehouse: unchecked',
    'main.shop.fruit: unchecked',
    'server: unchecked',
    'shop.fruit: unchecked',
    'stack: unchecked',
  ]);
}

describe('what AWS does not tell', () => {
  it('is said with what to do, where AWS refuses a look', async () => {
    clinic.deployed.account.refused.add('DescribeAlarms');
    const found = await clinic.examine();
    expect(wrong(found)).toEqual([
      expect.objectContaining({
        subject: 'alarms',
        verdict: 'unchecked',
        fix: expect.objectContaining({ advice: expect.stringContaining('cloudwatch:DescribeAlarms') }),
      }),
    ]);
    expect(found.code).toBe(1);
    expect(await clinic.screen()).toContain('Grant cloudwatch:DescribeAlarms');
  });

  it('is who hears the alarms, where the topic may not be asked', async () => {
    clinic.deployed.account.refused.add('GetTopicAttributes');
    const [topic] = wrong(await clinic.examine());
    expect(topic).toMatchObject({ subject: 'alarm topic', verdict: 'unchecked' });
    expect(topic?.fix?.advice).toContain('sns:GetTopicAttributes');
  });

  it('is mended by the same secret in the database and in the stack, where it is not there', async () => {
    clinic.deployed.secrets.delete(NEON_SECRET);
    const found = await clinic.examine();
    expect(wrong(found).map(({ subject, verdict }) => `${subject}: ${verdict}`)).toEqual([
      'server: problem',
      'shop.fruit: unchecked',
      'secret prod/neon: problem',
    ]);
    for (const { fix } of wrong(found).filter(({ verdict }) => verdict === 'problem'))
      expect([...(fix?.paste ?? []), fix?.advice].join(' ')).toContain(
        'aws secretsmanager create-secret --name prod/neon',
      );
  });

  it('is all that AWS has to be asked for when it does not accept the credentials, which is one problem', async () => {
    clinic.deployed.account.credentialsAreValid = false;
    const found = await clinic.examine();
    expect(found.code).toBe(3);
    expectAwsAlone(found);
    expect(wrong(found)).toContainEqual(
      expect.objectContaining({
        area: 'machine',
        check: 'AWS credentials',
        fix: expect.objectContaining({ advice: expect.stringContaining('aws sso login') }),
      }),
    );
    expect(await clinic.screen()).toContain('its secret cannot be read with these AWS credentials');
  });

  it('is all that it has to be asked for when no region is set, which is one problem', async () => {
    vi.stubEnv('AWS_REGION', undefined);
    vi.stubEnv('AWS_CONFIG_FILE', '/nowhere/config');
    onTestFinished(() => {
      vi.unstubAllEnvs();
    });
    expectAwsAlone(await clinic.examine());
    const screen = await clinic.screen();
    expect(screen).toContain('its secret cannot be read without AWS_REGION');
    expect(screen).toMatch(
      /\n1 problem\. What to do:\n\n {2}1 {2}You\n {5}Set AWS_REGION, or choose a profile .*\n$/,
    );
  });
});

describe('before a deployment', () => {
  it('there is none yet, which is no failure', async () => {
    clinic.deployed.parameters.clear();
    const found = await clinic.examine();
    expect(wrong(found)).toEqual([
      expect.objectContaining({
        subject: 'stack',
        verdict: 'note',
        fix: { by: 'You', paste: ['npx cdk bootstrap', `npx cdk deploy -c name=${NAME}`] },
      }),
    ]);
    expect(found.code).toBe(0);
    clinic.deployed.parameters.set('/cdk-bootstrap/hnb659fds/version', '21');
    expect(wrong(await clinic.examine())).toEqual([
      expect.objectContaining({ fix: { by: 'You', paste: [`npx cdk deploy -c name=${NAME}`] } }),
    ]);
  });
});

describe('of a sync that is deployed', () => {
  it('a halt is a problem with its remedy, a pause a note', async () => {
    await clinic.withSync('primaryKey: kind');
    await clinic.cli.run('pause', 'fruit', '--deployment', NAME, '--reason', 'index build');
    expect(wrong(await clinic.examine())).toContainEqual(
      expect.objectContaining({
        subject: 'fruit',
        verdict: 'note',
        text: 'paused by ana, "index build"',
        fix: { by: 'You', paste: [`lakeferry resume fruit --deployment ${NAME}`] },
      }),
    );
    await clinic.cli.run('resume', 'fruit', '--deployment', NAME);
    await clinic.postgres.query('create schema shop; create table shop.fruit (id bigint)');
    expect((await clinic.cli.run('run', 'fruit', '--deployment', NAME)).code).toBe(3);
    expect(wrong(await clinic.examine())).toContainEqual(
      expect.objectContaining({
        subject: 'fruit',
        verdict: 'problem',
        text: 'halted: target_incompatible',
        fix: expect.objectContaining({ advice: expect.stringContaining('lakeferry run fruit') }),
      }),
    );
    await clinic.postgres.query('drop schema shop cascade');
  });

  it('columns that came after the load are a note, as the planner leaves them out', async () => {
    await clinic.sql('create table main.shop.herbs (id int)');
    const herbs = 'syncs:\n  herbs: { source: main.shop.herbs, target: garden.herbs, primaryKey: id }\n';
    await clinic.tellOfDeployment(clinic.healthy.replace(/syncs:.*$/s, herbs));
    expect((await clinic.cli.run('run', 'herbs', '--local')).code).toBe(0);
    await clinic.sql('alter table main.shop.herbs add column smell string');
    const found = await clinic.examine();
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

/** As it is where the machine's clock goes wrong by so much. */
async function at(offMs: number) {
  let stdout = '';
  const io = {
    stdout: {
      write: (text: string) => {
        stdout += text;
      },
    },
    stderr: { write: () => {} },
    env: {},
    cwd: clinic.cli.folder,
    clock: { now: () => Date.now() + offMs },
    signal: new AbortController().signal,
  };
  const code = await runCli(['doctor', '--deployment', NAME], io);
  return { code, stdout };
}

describe('the command', () => {
  it('finds a clock that is wrong', async () => {
    const { code, stdout } = await at(-600_000);
    expect(code).toBe(3);
    const line = /clock {2}x (\d+) s behind the warehouse, (\d+) s behind\s+Postgres/.exec(stdout);
    // Both took some time to answer.
    for (const seconds of [line?.[1], line?.[2]]) expect(Math.abs(Number(seconds) - 600)).toBeLessThan(30);
    expect(stdout).toContain('NTP');
    expect((await at(600_000)).stdout).toContain('s ahead of Postgres');
  });

  it('reports a configuration that is wrong as every command does', async () => {
    await clinic.write('syncs: {}\n');
    const ended = await clinic.cli.run('doctor', '--deployment', NAME);
    expect(ended.code).toBe(2);
    expect(ended.stderr).toContain('has no sync');
  });

  it('names the configuration that was meant, in what is wrong and in what to do', async () => {
    await clinic.write(clinic.healthy.replace(/ {2}databricks: .*\n/, '  databricks: {}\n'), 'our.yaml');
    const { findings } = await clinic.examine('-c', 'our.yaml');
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
    clinic.deployed.calls.length = 0;
    const ended = await clinic.cli.run('doctor', '--offline');
    expect(ended).toMatchObject({ code: 0 });
    expect(ended.stdout).toContain('✓ 1 sync, no problems');
    expect(clinic.deployed.calls).toEqual([]);
  });

  it('looks at the local stack, of which nothing is deployed', async () => {
    const { code, answer } = await clinic.cli.json('doctor', 'fruit', '--local');
    expect(code).toBe(0);
    const { findings } = answer as { readonly findings: readonly Finding[] };
    expect(findings.some(({ area }) => area === 'stack')).toBe(false);
    expect(findings.some(({ subject }) => subject === 'shop.fruit')).toBe(true);
  });

  it('changes nothing', async () => {
    const state = async () => [
      (
        await clinic.postgres.query(
          'select nspname, relname from pg_class c join pg_namespace n on n.oid = relnamespace order by 1, 2',
        )
      ).rows,
      (await clinic.cli.json('local', 'sql', 'describe history main.shop.fruit')).answer,
    ];
    const before = await state();
    await clinic.examine();
    expect(await state()).toEqual(before);
  });
});
