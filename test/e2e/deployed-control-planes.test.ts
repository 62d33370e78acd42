import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { lackOfAws } from '../../src/config/lack-of-aws.ts';
import { readOperatorNeon } from '../../src/config/operator-environment.ts';
import { findDeployment } from '../../src/deployment/find-deployment.ts';
import { openPlanner } from '../../src/deployment/invoke-planner.ts';
import { openLogs } from '../../src/deployment/read-logs.ts';
import { secretsManager } from '../../src/deployment/secrets.ts';
import { openAccountSurvey } from '../../src/deployment/survey.ts';
import type { SyncError } from '../../src/error/sync-error.ts';
import {
  deadEndpoint,
  type ScriptedAnswer,
  type ScriptedServer,
  startScriptedServer,
} from '../support/scripted-server.ts';

const REGION = 'eu-central-1';
const NEVER = new AbortController().signal;
const VARIABLES = [
  'AWS_ENDPOINT_URL',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_REGION',
  'AWS_PROFILE',
  'AWS_CONFIG_FILE',
  'AWS_SHARED_CREDENTIALS_FILE',
  'AWS_EC2_METADATA_DISABLED',
  'AWS_MAX_ATTEMPTS',
] as const;

let server: ScriptedServer;
let answer: ScriptedAnswer;
/** In the place of `answer`, where one call's answers differ. */
let answers: (() => ScriptedAnswer) | undefined;
/** How the last request was signed: key, date, region, service. */
let signature: string | undefined;
const before = VARIABLES.map((name) => [name, process.env[name]] as const);

beforeAll(async () => {
  server = await startScriptedServer((_, { headers }) => {
    signature = headers.authorization;
    return answers?.() ?? answer;
  });
  usualVariables();
});
afterEach(usualVariables);
afterAll(async () => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await server?.close();
});

function usualVariables(): void {
  answers = undefined;
  delete process.env['AWS_REGION'];
  delete process.env['AWS_PROFILE'];
  Object.assign(process.env, {
    AWS_ENDPOINT_URL: server.endpoint,
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_CONFIG_FILE: '/nowhere/config',
    AWS_SHARED_CREDENTIALS_FILE: '/nowhere/credentials',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
}

const fails = (type: string, status = 400): ScriptedAnswer => ({
  status,
  headers: { 'x-amzn-errortype': type },
  body: JSON.stringify({ __type: type, message: 'said by the service' }),
});
const gives = (body: unknown, headers: Record<string, string> = {}): ScriptedAnswer => ({
  status: 200,
  headers,
  body: JSON.stringify(body),
});

async function errorOf(work: Promise<unknown>): Promise<SyncError> {
  return work.then(
    () => {
      throw new Error('it did not fail');
    },
    (error: SyncError) => error,
  );
}

const find = (signal = NEVER) => findDeployment({ name: 'prod', region: REGION, file: 'our.yaml' }, signal);

async function tick(signal = NEVER) {
  const planner = openPlanner({ region: REGION, functionName: 'prod-planner' });
  try {
    return await planner.tick({ sync: 'orders', byPerson: true, retryRejected: false }, signal);
  } finally {
    planner.close();
  }
}

describe('a deployment that is not found', () => {
  it('is named with its parameter and its region, and how to make it', async () => {
    answer = fails('ParameterNotFound');
    const error = await errorOf(find());
    expect(error).toMatchObject({ kind: 'deployment_missing', action: 'refuse' });
    expect(error.message).toBe(
      'There is no deployment "prod" in eu-central-1: the SSM parameter /lakeferry/prod is not there.',
    );
    expect(error.remedy).toMatch(/^npx cdk deploy/);
  });

  it.each([
    [fails('AccessDeniedException'), 'aws_unauthorized', 'ssm:GetParameter'],
    [fails('ExpiredTokenException'), 'aws_unauthorized', 'does not accept the credentials'],
    [fails('UnrecognizedClientException'), 'aws_unauthorized', 'does not accept the credentials'],
    [fails('ValidationException'), 'aws_unavailable', 'refused a call'],
  ])('%j is %s', async (given, kind, words) => {
    answer = given;
    const error = await errorOf(find());
    expect(error).toMatchObject({ kind });
    expect(error.message).toContain(words);
    expect(error.message).toContain(REGION);
    expect(error.message).not.toContain('said by the service');
  });

  it('was not to be reached', async () => {
    process.env['AWS_ENDPOINT_URL'] = await deadEndpoint();
    expect(await errorOf(find())).toMatchObject({ kind: 'aws_unavailable', action: 'retry' });
  });

  it('cannot be looked for without credentials, or without a region', async () => {
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    expect(await errorOf(find())).toMatchObject({ kind: 'aws_unauthorized' });
    const sought = { name: 'prod', region: undefined, file: 'our.yaml' };
    const message =
      'not in the environment, not in the AWS profile, and connections.aws.region of our.yaml is not set';
    expect(await errorOf(findDeployment(sought, NEVER))).toMatchObject({
      kind: 'environment_invalid',
      problems: [{ variable: 'AWS_REGION', message }],
    });
  });

  it('cannot be looked for in a role that may not be taken on', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lakeferry-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, 'config');
    const role =
      'role_arn = arn:aws:iam::111122223333:role/ops\nsource_profile = base\nregion = eu-central-1';
    const base = 'aws_access_key_id = local\naws_secret_access_key = local';
    await writeFile(file, `[profile ops]\n${role}\n[profile base]\n${base}\n`);
    delete process.env['AWS_ACCESS_KEY_ID'];
    delete process.env['AWS_SECRET_ACCESS_KEY'];
    Object.assign(process.env, { AWS_CONFIG_FILE: file, AWS_PROFILE: 'ops' });
    answer = {
      status: 403,
      headers: { 'content-type': 'text/xml' },
      body: '<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code></Error></ErrorResponse>',
    };
    const account = openAccountSurvey(REGION, 'our.yaml');
    const fetchSecret = secretsManager(REGION, 'our.yaml', NEVER);
    const calls = [find, () => account.readConcurrency(NEVER), () => fetchSecret('prod/neon')];
    for (const call of calls) {
      const error = await errorOf(call());
      expect(error.message).toContain('AWS does not accept the credentials in use here');
      expect(lackOfAws(error)).toBeDefined();
    }
    expect(server.requests.at(-1)).toContain('Action=AssumeRole');
    account.close();
  });

  it.each([['no JSON'], ['{"schemaVersion":2}'], ['']])('is of another version: %j', async (Value) => {
    answer = gives({ Parameter: { Value } });
    const error = await errorOf(find());
    expect(error).toMatchObject({ kind: 'deployment_missing' });
    expect(error.message).toContain('by a version of Lakeferry that this one does not know');
  });

  it('is no longer looked for after Ctrl-C', async () => {
    answer = 'hold';
    const stop = new AbortController();
    const found = errorOf(find(stop.signal));
    await server.nextRequest();
    stop.abort();
    expect(await found).toMatchObject({ kind: 'cancelled' });
  });
});

describe('the deployed planner', () => {
  it('answers with what it did', async () => {
    answer = gives({ outcome: 'sent', planId: 'x', work: 'window', chunks: 2, opened: true, later: true });
    expect(await tick()).toEqual({ outcome: 'sent', work: 'window', opened: true });
    expect(JSON.parse(server.requests.at(-1) ?? '')).toEqual({
      sync: 'orders',
      byPerson: true,
      retryRejected: false,
    });
    const cause = { kind: 'made_up_later', message: 'm', remedy: 'r', at: 1 };
    answer = gives({ outcome: 'halted', cause });
    expect(await tick()).toEqual({ outcome: 'halted', cause: { ...cause, kind: 'internal' } });
  });

  it('fails by the kind that it names', async () => {
    const failed = { errorType: 'source_unavailable', errorMessage: 'The warehouse is away.', trace: [] };
    answer = gives(failed, { 'x-amz-function-error': 'Unhandled' });
    expect(await errorOf(tick())).toMatchObject({
      kind: 'source_unavailable',
      message: 'The warehouse is away.',
      fields: { sync: 'orders' },
    });
  });

  it.each(['Sandbox.Timedout', 'Runtime.OutOfMemory', 'SyncError'])(
    'shows nothing of a failure that Lakeferry did not name, %s, but where to read of it',
    async (errorType) => {
      answer = gives({ errorType, errorMessage: 'a row: 42' }, { 'x-amz-function-error': 'Unhandled' });
      const error = await errorOf(tick());
      expect(error).toMatchObject({ kind: 'internal', remedy: 'lakeferry logs --since 15m' });
      expect(error.message).toContain(errorType);
      expect(error.message).not.toContain('42');
    },
  );

  it('is of another version when its answer is not known, or there is none', async () => {
    for (const body of [{ outcome: 'flown' }, null]) {
      answer = gives(body);
      expect(await errorOf(tick())).toMatchObject({ kind: 'internal', fields: { sync: 'orders' } });
    }
  });

  it('that is gone, or may not be invoked, says so', async () => {
    answer = fails('ResourceNotFoundException', 404);
    expect(await errorOf(tick())).toMatchObject({ kind: 'deployment_missing', remedy: 'npx cdk deploy' });
    answer = fails('AccessDeniedException', 403);
    expect((await errorOf(tick())).message).toContain('lambda:InvokeFunction on the function prod-planner');
  });

  it('that finds no room in the account is throttled', async () => {
    answer = fails('TooManyRequestsException', 429);
    expect((await errorOf(tick())).message).toContain('AWS throttles the calls for the function');
  });
});

describe('a secret', () => {
  const fetchSecret = (signal = NEVER) => secretsManager(REGION, 'our.yaml', signal)('prod/neon');

  it('is its text', async () => {
    answer = gives({ SecretString: 'text' });
    expect(await fetchSecret()).toBe('text');
    expect(signature).toContain(`/${REGION}/secretsmanager/`);
  });

  it('is asked for in the region of its ARN', async () => {
    answer = gives({ SecretString: 'text' });
    const arn = 'arn:aws:secretsmanager:us-west-2:111122223333:secret:prod/neon-AbC123';
    expect(await secretsManager(REGION, 'our.yaml', NEVER)(arn)).toBe('text');
    expect(signature).toContain('/us-west-2/secretsmanager/');
    answer = fails('InvalidRequestException');
    const deleted = await errorOf(secretsManager(REGION, 'our.yaml', NEVER)(arn));
    expect(deleted.remedy).toMatch(/restore-secret --secret-id arn:\S+ --region us-west-2$/);
    answer = gives({ SecretString: 'text' });
    const account = openAccountSurvey(REGION, 'our.yaml');
    expect(await account.findSecret(arn, NEVER)).toEqual({ state: 'there', region: 'us-west-2' });
    account.close();
    expect(signature).toContain('/us-west-2/secretsmanager/');
  });

  it.each([
    [fails('ResourceNotFoundException'), 'not found in Secrets Manager in eu-central-1, or empty'],
    [fails('InvalidRequestException'), 'deleted in eu-central-1, and can be restored'],
    [gives({ SecretBinary: 'aGk=' }), 'holds no text in eu-central-1'],
    [
      fails('AccessDeniedException'),
      'AWS refuses secretsmanager:GetSecretValue on the secret "prod/neon" in eu-central-1',
    ],
  ])('%j is said in words', async (given, message) => {
    answer = given;
    expect(await errorOf(fetchSecret())).toMatchObject({
      kind: 'environment_invalid',
      problems: [{ variable: 'secret prod/neon', message }],
    });
  });
});

describe('a secret that is not there', () => {
  it('is to be created, say commands that need it', async () => {
    answer = fails('ResourceNotFoundException');
    const connection = readOperatorNeon(
      {},
      { secret: 'prod/neon' },
      secretsManager(REGION, 'our.yaml', NEVER),
      'our.yaml',
    );
    expect((await errorOf(connection)).remedy).toMatch(
      /aws secretsmanager create-secret --name prod\/neon .*--region eu-central-1 /,
    );
  });
});

describe('a log', () => {
  it('that may not be read says which', async () => {
    const logs = openLogs({
      region: REGION,
      planner: '/lakeferry/prod/planner',
      writer: '/lakeferry/prod/writer',
    });
    answer = fails('AccessDeniedException');
    const error = await errorOf(logs.read({ since: 0, limit: 10 }, () => {}, NEVER));
    expect(error.message).toContain('logs:FilterLogEvents on the log group /lakeferry/prod/');
    logs.close();
  });

  it('is waited for where the account asks too often', async () => {
    const logs = openLogs({ region: REGION, planner: 'p', writer: 'often-read' });
    let refusals = 4;
    answers = () =>
      server.requests.at(-1)?.includes('often-read') && refusals-- > 0
        ? fails('ThrottlingException')
        : gives({ events: [] });
    expect(await logs.read({ since: 0, limit: 10 }, () => {}, NEVER)).toEqual({ entries: [], leftOut: 0 });
    logs.close();
  });

  it('is asked for by sync and plan in the language of its filters', async () => {
    const logs = openLogs({ region: REGION, planner: 'p', writer: 'w' });
    answer = gives({ events: [] });
    await logs.read({ since: 5, sync: 'orders', planId: 'id', limit: 10 }, () => {}, NEVER);
    expect(JSON.parse(server.requests.at(-1) ?? '')).toMatchObject({
      startTime: 5,
      filterPattern: '{ ($.sync = "orders") && ($.planId = "id") }',
    });
    logs.close();
  });
});
