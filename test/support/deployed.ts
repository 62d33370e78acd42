import { readFile, writeFile } from 'node:fs/promises';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import type { Context } from 'aws-lambda';
import pg from 'pg';
import { plannerAnswer, plannerHandler } from '../../lambdas/planner.ts';
import { writerHandler } from '../../lambdas/writer.ts';
import { type ComposedServices, compose } from '../../src/compose.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import { configDigest, type Deployment } from '../../src/config/deployment.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { asSyncError } from '../../src/error/sync-error.ts';
import { createLambdaContext } from '../../src/local/lambda-context.ts';
import { pumpQueue } from '../../src/local/queue-pump.ts';
import type { Stack } from '../../src/local/stack.ts';
import { localConnections } from '../../src/local/stack-info.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import { type ScriptedAnswer, startScriptedServer } from './scripted-server.ts';

/** An event of CloudWatch Logs. */
export interface LogEvent {
  readonly group: string;
  readonly timestamp: number;
  readonly message: string;
}

/** What the account tells of itself; may be changed at any time. */
export interface Account {
  credentialsAreValid: boolean;
  concurrency: number;
  /** Of it, for other functions. */
  reserved: number;
  /** Names of secrets that are to vanish in some days. */
  readonly deletedSecrets: Set<string>;
  /** Names of alarms that are going off. */
  readonly ringing: Set<string>;
  /** Of the alarms' topic. */
  subscribers: { confirmed: number; pending: number };
  /** Actions that the credentials have no right to, e.g. `DescribeAlarms`. */
  readonly refused: Set<string>;
}

/** A local stack that looks to the AWS SDK like a deployed one: control planes on loopback, functions in this process. */
export interface DeployedStack {
  readonly deployment: Deployment;
  /** By name; what is taken away is not found. */
  readonly parameters: Map<string, string>;
  readonly secrets: Map<string, string>;
  readonly logEvents: LogEvent[];
  readonly account: Account;
  /** Requests to the control planes, e.g. `AmazonSSM.GetParameter`. */
  readonly calls: string[];
  close(): Promise<void>;
}

const PLANNER_TIMEOUT_MS = 60_000;
const SERVICES = ['SSM', 'LAMBDA', 'CLOUDWATCH', 'CLOUDWATCH_LOGS', 'SECRETS_MANAGER', 'SNS', 'STS'] as const;

/**
 * Points the AWS SDK and the databases' drivers of this process to the stack, by the variables that a person would set
 * and in the place of the certificates and DNS that a cloud has.
 */
export async function deployStack(stack: Stack, configText: string, name: string): Promise<DeployedStack> {
  const { aws } = stack.info;
  const config = parseConfig(configText, 'lakeferry.yaml');
  const connections = await localConnections(stack.info);
  const services = compose(connections, { clock: systemClock, log: silentLog, metrics: noMetrics });
  const runtime = async () => ({ config, services });
  const stop = new AbortController();
  const pump = pumpQueue({
    aws: { ...aws, credentials: LOCAL_AWS_CREDENTIALS },
    queueUrl: aws.chunkQueueUrl,
    handler: writerHandler(runtime),
    signal: stop.signal,
  });
  const deployment: Deployment = {
    schemaVersion: 1,
    name,
    version: '0.1.0',
    configDigest: configDigest(configText),
    region: aws.region,
    checkpointTable: aws.checkpointTable,
    chunkQueueUrl: aws.chunkQueueUrl,
    deadLetterQueueUrl: aws.deadLetterQueueUrl,
    plannerFunction: `${name}-planner`,
    writerFunction: `${name}-writer`,
    plannerLogGroup: `/lakeferry/${name}/planner`,
    writerLogGroup: `/lakeferry/${name}/writer`,
    scheduleGroup: name,
    alarmTopicArn: `arn:aws:sns:${aws.region}:000000000000:${name}`,
    alarms: [`${name}-halted`, `${name}-lag`],
    dashboard: name,
  };
  const parameters = new Map([[`/lakeferry/${name}`, JSON.stringify(deployment)]]);
  const secrets = new Map<string, string>();
  const logEvents: LogEvent[] = [];
  const account: Account = {
    credentialsAreValid: true,
    concurrency: 1_000,
    reserved: 0,
    deletedSecrets: new Set(),
    ringing: new Set(),
    subscribers: { confirmed: 1, pending: 0 },
    refused: new Set(),
  };
  const calls: string[] = [];

  const planner = plannerHandler(runtime) as (
    event: unknown,
    context: Context,
  ) => ReturnType<ReturnType<typeof plannerHandler>>;
  async function invoke(body: string): Promise<ScriptedAnswer> {
    try {
      const ticked = await planner(JSON.parse(body), createLambdaContext('planner', PLANNER_TIMEOUT_MS));
      return { status: 200, body: JSON.stringify(plannerAnswer(ticked)) };
    } catch (thrown) {
      const { kind, message } = asSyncError(thrown);
      const failed = { errorType: kind, errorMessage: message, trace: [] };
      return { status: 200, headers: { 'x-amz-function-error': 'Unhandled' }, body: JSON.stringify(failed) };
    }
  }
  const server = await startScriptedServer((body, { headers, url = '' }) => {
    const call = String(headers['x-amz-target'] ?? url);
    calls.push(call);
    if (call.includes('/functions/')) return invoke(body);
    const asksWho = body.includes('Action=GetCallerIdentity');
    if (!account.credentialsAreValid) {
      const error = '<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>';
      return asksWho
        ? { status: 403, headers: { 'content-type': 'text/xml' }, body: error }
        : { status: 403, body: JSON.stringify({ __type: 'UnrecognizedClientException' }) };
    }
    if (asksWho) return callerIdentity(name);
    if (body.includes('Action=GetTopicAttributes')) return topicAttributes(account);
    if (call.includes('/account-settings')) {
      const { concurrency, reserved } = account;
      const AccountLimit = {
        ConcurrentExecutions: concurrency,
        UnreservedConcurrentExecutions: concurrency - reserved,
      };
      return { status: 200, body: JSON.stringify({ AccountLimit }) };
    }
    if ([...account.refused].some((action) => call.endsWith(action))) {
      return { status: 400, body: JSON.stringify({ __type: 'AccessDeniedException' }) };
    }
    const asked = JSON.parse(body) as Record<string, string> & FilterRequest;
    switch (call) {
      case 'AmazonSSM.GetParameter':
        return found('ParameterNotFound', parameters.get(asked['Name'] ?? ''), (Value) => ({
          Parameter: { Value },
        }));
      case 'secretsmanager.GetSecretValue':
        if (account.deletedSecrets.has(asked['SecretId'] ?? '')) {
          return { status: 400, body: JSON.stringify({ __type: 'InvalidRequestException' }) };
        }
        return found('ResourceNotFoundException', secrets.get(asked['SecretId'] ?? ''), (SecretString) => ({
          SecretString,
        }));
      case 'secretsmanager.DescribeSecret':
        return found('ResourceNotFoundException', secrets.get(asked['SecretId'] ?? ''), () => ({
          Name: asked['SecretId'],
          ...(account.deletedSecrets.has(asked['SecretId'] ?? '') && { DeletedDate: 1_795_000_000 }),
        }));
      case 'GraniteServiceVersion20100801.DescribeAlarms': {
        const named = (asked as { readonly AlarmNames?: readonly string[] }).AlarmNames ?? [];
        const MetricAlarms = named
          .filter((alarm) => account.ringing.has(alarm))
          .map((AlarmName) => ({ AlarmName, StateValue: 'ALARM', StateUpdatedTimestamp: 1_795_000_000 }));
        return { status: 200, body: JSON.stringify({ MetricAlarms }) };
      }
      case 'Logs_20140328.FilterLogEvents':
        return { status: 200, body: JSON.stringify(filterLogEvents(logEvents, asked)) };
      default:
        return { status: 400, body: JSON.stringify({ __type: 'UnknownOperationException' }) };
    }
  });

  const restore = [
    setVariables({
      AWS_REGION: aws.region,
      AWS_ACCESS_KEY_ID: LOCAL_AWS_CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: LOCAL_AWS_CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL_DYNAMODB: aws.dynamodb,
      AWS_ENDPOINT_URL_SQS: aws.sqs,
      ...Object.fromEntries(SERVICES.map((service) => [`AWS_ENDPOINT_URL_${service}`, server.endpoint])),
    }),
    await trustWarehouse(stack),
    await reachNeon(stack),
  ];
  return {
    deployment,
    parameters,
    secrets,
    logEvents,
    account,
    calls,
    async close() {
      stop.abort();
      await pump.stopped;
      await (services satisfies ComposedServices).close();
      await server.close();
      for (const each of restore) each();
    },
  };
}

function callerIdentity(name: string): ScriptedAnswer {
  const body = `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
    <Arn>arn:aws:sts::000000000000:assumed-role/ops-of-${name}/ana</Arn><UserId>AROA:ana</UserId><Account>000000000000</Account>
  </GetCallerIdentityResult></GetCallerIdentityResponse>`;
  return { status: 200, headers: { 'content-type': 'text/xml' }, body };
}

function topicAttributes({ subscribers, refused }: Account): ScriptedAnswer {
  const headers = { 'content-type': 'text/xml' };
  if (refused.has('GetTopicAttributes')) {
    const body =
      '<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code></Error></ErrorResponse>';
    return { status: 403, headers, body };
  }
  const entries = Object.entries({
    SubscriptionsConfirmed: subscribers.confirmed,
    SubscriptionsPending: subscribers.pending,
  }).map(([key, value]) => `<entry><key>${key}</key><value>${value}</value></entry>`);
  const body = `<GetTopicAttributesResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><GetTopicAttributesResult>
    <Attributes>${entries.join('')}</Attributes></GetTopicAttributesResult></GetTopicAttributesResponse>`;
  return { status: 200, headers, body };
}

function found(type: string, value: string | undefined, answer: (value: string) => object): ScriptedAnswer {
  if (value === undefined) return { status: 400, body: JSON.stringify({ __type: type, message: 'none' }) };
  return { status: 200, body: JSON.stringify(answer(value)) };
}

interface FilterRequest {
  readonly logGroupName?: string;
  readonly startTime?: number;
  readonly filterPattern?: string;
  readonly nextToken?: string;
}

/** Pages of two. Of the filter's language it knows `{ $.field = "text" }`, joined by `&&`. */
function filterLogEvents(
  events: readonly LogEvent[],
  { logGroupName, startTime = 0, filterPattern, nextToken }: FilterRequest,
) {
  const wanted = [...(filterPattern ?? '').matchAll(/\$\.(\w+) = "([^"]*)"/g)];
  const matching = events
    .map((event, index) => ({ ...event, eventId: String(index) }))
    .filter(({ group, timestamp }) => group === logGroupName && timestamp >= startTime)
    .filter(({ message }) => wanted.every(([, field = '', text]) => fieldsOf(message)[field] === text));
  const from = Number(nextToken ?? 0);
  return {
    events: matching.slice(from, from + 2),
    ...(from + 2 < matching.length ? { nextToken: String(from + 2) } : {}),
  };
}

function fieldsOf(message: string): Record<string, unknown> {
  try {
    return JSON.parse(message);
  } catch {
    return {};
  }
}

function setVariables(variables: Readonly<Record<string, string>>): () => void {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  return () => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  };
}

async function trustWarehouse({ info }: Stack): Promise<() => void> {
  const before = getCACertificates('default');
  setDefaultCACertificates([...before, await readFile(info.warehouse.caCertFile, 'utf8')]);
  return () => setDefaultCACertificates(before);
}

/** Stands in the place of Neon's DNS. Neon's proxy takes the password in plain text, within TLS, before it is asked. */
async function reachNeon({ info }: Stack): Promise<() => void> {
  const before = globalThis.WebSocket;
  const address = new URL(info.postgres).host;
  globalThis.WebSocket = class extends before {
    constructor(url: string | URL, protocols?: ConstructorParameters<typeof before>[1]) {
      super(new URL(url).port === '' ? `ws://${info.neon}/v2?address=${address}` : url, protocols);
    }
  };
  const database = new pg.Client({ connectionString: info.postgres });
  await database.connect();
  const { rows } = await database.query('show hba_file');
  const file = rows[0].hba_file as string;
  await writeFile(file, `host all all all password\n${await readFile(file, 'utf8')}`);
  await database.query('select pg_reload_conf()');
  await database.end();
  return () => {
    globalThis.WebSocket = before;
  };
}
