import { type Checkpoint, type CheckpointStore, haltCauseOf } from '../checkpoint/checkpoint.ts';
import type { Deployment } from '../config/deployment.ts';
import type { ConnectionSettings } from '../config/lakeferry-config.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { AccountSurvey, Subscribers } from '../deployment/survey.ts';
import { SyncError } from '../error/sync-error.ts';
import type { DeadLetterQueue } from '../queue/queue.ts';
import type { Attempt } from '../sync/attempt.ts';
import { attemptWithin } from './attempt-within.ts';
import { counted } from './count.ts';
import { about, advise, type Finding } from './finding.ts';
import { fixOf, wordsOf } from './fixes.ts';

const LIMIT_MS = 30_000;

/** What is here, to be compared with what is deployed. */
export interface LocalState {
  readonly version: string;
  /** The configuration, as a person named it. */
  readonly file: string;
  readonly configDigest: string;
  readonly connections: ConnectionSettings;
  /** All of the configuration, whichever are looked at: they share what the account has room for. */
  readonly syncs: readonly SyncConfig[];
}

/** A place in AWS, and what is there. */
export interface StackServices {
  readonly account: AccountSurvey;
  /** An error where none is deployed, or where it could not be asked. */
  readonly deployment: Deployment | SyncError;
  readonly checkpoints: CheckpointStore;
  /** Absent where there is no deployment. */
  readonly deadLetters?: Pick<DeadLetterQueue, 'readCount'>;
}

export async function examineStack(
  services: StackServices,
  local: LocalState,
  syncs: readonly SyncConfig[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { account, deployment } = services;
  const ask = <T>(call: (limited: AbortSignal) => Promise<T>) => attemptWithin(signal, LIMIT_MS, call);
  const identity = await ask((limited) => account.readIdentity(limited));
  if (identity.error) {
    const { error } = identity;
    return [
      about('machine', 'AWS').problem('AWS credentials', wordsOf(error), fixOf(error)),
      about('stack', 'stack').unchecked('stack', 'what is deployed: AWS could not be asked'),
    ];
  }
  const [secrets, concurrency, rest] = await Promise.all([
    secretFindings(account, local.connections, ask),
    ask((limited) => account.readConcurrency(limited)).then((asked) =>
      concurrencyFindings(asked, local.syncs),
    ),
    deployment instanceof SyncError
      ? missingFindings(account, deployment, ask)
      : deployedFindings(services, deployment, local, syncs, ask),
  ]);
  return [
    about('machine', 'AWS').ok(
      'AWS credentials',
      `account ${identity.value.account} as ${shortArn(identity.value.arn)}`,
    ),
    ...rest,
    ...warehouseFindings(local),
    ...secrets,
    ...concurrency,
  ];
}

type Ask = <T>(call: (limited: AbortSignal) => Promise<T>) => Promise<Attempt<T>>;

/** `role/ops/ana` of an ARN: who it is, without the account a second time. */
function shortArn(arn: string): string {
  return arn.split(':').at(-1) ?? arn;
}

async function missingFindings(
  account: AccountSurvey,
  error: SyncError,
  ask: Ask,
): Promise<readonly Finding[]> {
  const stack = about('stack', 'stack');
  if (error.kind !== 'deployment_missing') return [stack.problem('stack', wordsOf(error), fixOf(error))];
  const bootstrapped = await ask((limited) => account.isBootstrapped(limited));
  const unprepared = bootstrapped.value === false;
  return [
    stack.note('stack', unprepared ? 'none yet, and CDK is not prepared in this region' : 'none yet', {
      by: 'You',
      paste: [...(unprepared ? ['npx cdk bootstrap'] : []), 'npx cdk deploy'],
    }),
  ];
}

async function deployedFindings(
  { account, checkpoints, deadLetters }: StackServices,
  deployment: Deployment,
  local: LocalState,
  syncs: readonly SyncConfig[],
  ask: Ask,
): Promise<readonly Finding[]> {
  const [ringing, subscribers, dead, states] = await Promise.all([
    ask((limited) => account.readRinging(deployment.alarms, limited)),
    ask((limited) => account.readSubscribers(deployment.alarmTopicArn, limited)),
    ask(async (limited) => (await deadLetters?.readCount(limited)) ?? 0),
    Promise.all(
      syncs.map(async ({ name }) => ({
        name,
        read: await ask(async (limited) => (await checkpoints.read(name, limited)).checkpoint),
      })),
    ),
  ]);
  const alarms = about('stack', 'alarms');
  const queue = about('stack', 'dead-letter queue');
  return [
    ...sameFindings(deployment, local),
    ringing.error
      ? alarms.unchecked('alarms', wordsOf(ringing.error), fixOf(ringing.error))
      : ringing.value.length === 0
        ? alarms.ok('alarms', `none of ${deployment.alarms.length} going off`)
        : alarms.problem('alarms', `going off: ${ringing.value.map(({ name }) => name).join(', ')}`, {
            by: 'You',
            paste: ['lakeferry status'],
          }),
    subscriberFinding(deployment, subscribers),
    dead.error
      ? queue.unchecked('dead letters', wordsOf(dead.error), fixOf(dead.error))
      : dead.value === 0
        ? queue.ok('dead letters', 'empty')
        : queue.problem('dead letters', `holds about ${counted(dead.value, 'message')}`, {
            by: 'You',
            paste: ['lakeferry redrive --dry-run'],
            advice: 'Take the cause away first: a redrive repeats the work, not the luck.',
          }),
    ...states.map(({ name, read }) => stateFinding(name, read)),
  ];
}

/** An alarm that nobody hears is none. */
function subscriberFinding(
  { alarmTopicArn, region }: Deployment,
  { value, error }: Attempt<Subscribers>,
): Finding {
  const topic = about('stack', 'alarm topic');
  if (error) return topic.unchecked('subscribers', wordsOf(error), fixOf(error));
  const { confirmed, pending } = value;
  if (confirmed > 0) return topic.ok('subscribers', `heard by ${counted(confirmed, 'subscriber')}`);
  if (pending > 0) {
    return topic.note(
      'subscribers',
      `heard by nobody: ${counted(pending, 'subscriber')} did not confirm`,
      advise('Open the link in the mail "AWS Notification - Subscription Confirmation".'),
    );
  }
  return topic.note('subscribers', 'heard by nobody', {
    by: 'You',
    paste: [
      `aws sns subscribe --topic-arn ${alarmTopicArn} --protocol email --notification-endpoint you@example.com --region ${region}`,
    ],
  });
}

function sameFindings(deployment: Deployment, local: LocalState): readonly Finding[] {
  const stack = about('stack', 'stack');
  const deploy = { by: 'You', paste: ['npx cdk deploy'] };
  return [
    deployment.version === local.version
      ? stack.ok('version', `version ${local.version}, the same as here`)
      : stack.note('version', `version ${deployment.version}, and ${local.version} here`, deploy),
    deployment.configDigest === local.configDigest
      ? stack.ok('configuration', `deployed from this ${local.file}`)
      : stack.note('configuration', `deployed from another ${local.file} than this one`, deploy),
  ];
}

function stateFinding(sync: string, { value: checkpoint, error }: Attempt<Checkpoint>): Finding {
  const subject = about('stack', sync, sync);
  if (error) return subject.problem('state', wordsOf(error), fixOf(error, sync));
  const cause = haltCauseOf(checkpoint);
  if (cause) {
    return subject.problem('state', `halted: ${cause.kind}`, advise(`${cause.message} ${cause.remedy}`));
  }
  if (checkpoint.state !== 'paused') return subject.ok('state', checkpoint.state);
  const { by, reason } = checkpoint;
  return subject.note('state', `paused by ${by}${reason === '' ? '' : `, "${reason}"`}`, {
    by: 'You',
    paste: [`lakeferry resume ${sync}`],
  });
}

/** Where the warehouse is, the functions read in lakeferry.yaml alone; a person's environment may say it, too. */
function warehouseFindings({ connections: { databricks }, file }: LocalState): readonly Finding[] {
  const missing = (['host', 'httpPath'] as const).filter((key) => databricks[key] === undefined);
  if (missing.length === 0) return [];
  const settings = missing.map((key) => `connections.databricks.${key}`).join(', ');
  return [
    about('stack', 'warehouse').problem(
      'connection',
      `${settings} not set in ${file}: the functions do not find the warehouse`,
      advise(`Write ${settings} into lakeferry.yaml, from "Connection details" of the SQL warehouse.`),
    ),
  ];
}

/** What the functions will read; a person's own connection may come from the environment. */
async function secretFindings(
  account: AccountSurvey,
  connections: ConnectionSettings,
  ask: Ask,
): Promise<readonly Finding[]> {
  const forms = {
    databricks: '{ "clientId": "…", "clientSecret": "…" }',
    neon: '{ "url": "postgresql://…" }',
  } as const;
  const found = (Object.keys(forms) as (keyof typeof forms)[]).map(async (connection): Promise<Finding> => {
    const setting = `connections.${connection}.secret`;
    const secret = connections[connection].secret;
    if (secret === undefined) {
      return about('stack', 'secrets').problem(
        'secret',
        `${setting} is not set: the functions find no way in`,
        advise(`Write the name of the secret under ${setting} in lakeferry.yaml.`),
      );
    }
    const found = await ask((limited) => account.findSecret(secret, limited));
    const subject = about('stack', `secret ${secret}`);
    if (found.error) return subject.unchecked('secret', wordsOf(found.error), fixOf(found.error));
    const { state, region } = found.value;
    if (state === 'there') return subject.ok('secret', 'is there');
    if (state === 'deleted') {
      return subject.problem('secret', 'is deleted, and can be restored', {
        by: 'You',
        paste: [`aws secretsmanager restore-secret --secret-id ${secret} --region ${region}`],
      });
    }
    return subject.problem('secret', 'is not in Secrets Manager', {
      by: 'You',
      paste: [
        `aws secretsmanager create-secret --name ${secret} --secret-string file://${connection}.json --region ${region}`,
      ],
      advice: `The file holds ${forms[connection]}; or npx cdk deploy -c secrets=create makes it, empty, for you to fill.`,
    });
  });
  return Promise.all(found);
}

function concurrencyFindings(asked: Attempt<number>, syncs: readonly SyncConfig[]): readonly Finding[] {
  const lambda = about('stack', 'Lambda');
  if (asked.error) {
    const text = `how many functions may run at once: ${wordsOf(asked.error)}`;
    return [lambda.unchecked('concurrency', text, fixOf(asked.error))];
  }
  const needed = syncs.reduce((sum, { maxWriters }) => sum + maxWriters, 0) + syncs.length;
  const words = `${counted(needed, 'function')} at once at most, of ${asked.value.toLocaleString('en-US')} that the account has room for`;
  if (needed <= asked.value) return [lambda.ok('concurrency', words)];
  return [
    lambda.problem(
      'concurrency',
      words,
      advise(
        'Lower maxWriters in lakeferry.yaml, have the quota "Concurrent executions" of AWS Lambda raised, or reserve less of it for other functions: what finds no room is tried again, late.',
      ),
    ),
  ];
}
