import { CloudWatchClient, DescribeAlarmsCommand } from '@aws-sdk/client-cloudwatch';
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda';
import {
  DescribeSecretCommand,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { GetTopicAttributesCommand, SNSClient } from '@aws-sdk/client-sns';
import { GetParameterCommand, ParameterNotFound, SSMClient } from '@aws-sdk/client-ssm';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { clientSettings } from './client-settings.ts';
import { controlPlaneError } from './control-plane-error.ts';
import { findCredentials } from './credentials.ts';
import { noRegion } from './no-region.ts';
import { secretRegion } from './secret-region.ts';

/** Whose credentials the AWS SDK found. */
export interface Identity {
  readonly account: string;
  /** Of a user, or of a role that is taken on: `arn:aws:sts::123456789012:assumed-role/ops/ana`. */
  readonly arn: string;
}

export interface SecretFound {
  /** One that was deleted can be restored for some days. */
  readonly state: 'there' | 'deleted' | 'absent';
  /** Where it was looked for. */
  readonly region: string;
}

/** An alarm that is going off. */
export interface RingingAlarm {
  readonly name: string;
  /** Since when, milliseconds since the epoch. */
  readonly since?: number;
}

/** Who hears of a topic's messages. */
export interface Subscribers {
  readonly confirmed: number;
  /** Were asked by mail, and have not said yes. */
  readonly pending: number;
}

/**
 * What may be asked of an AWS account about a deployment, or about a place for one. Nothing here changes it. Throws
 * `environment_invalid` without a region, `aws_unauthorized`, `aws_unavailable`, or `cancelled`.
 */
export interface AccountSurvey {
  readIdentity(signal: AbortSignal): Promise<Identity>;
  /** Whether CDK was bootstrapped in the region, with its usual qualifier. */
  isBootstrapped(signal: AbortSignal): Promise<boolean>;
  /** By name or ARN; its value is not read. */
  findSecret(secretId: string, signal: AbortSignal): Promise<SecretFound>;
  /** Lambda functions that the account runs at once in the region, beside what it reserves for some of them. */
  readConcurrency(signal: AbortSignal): Promise<number>;
  /** Those of the named alarms that are going off. */
  readRinging(alarms: readonly string[], signal: AbortSignal): Promise<readonly RingingAlarm[]>;
  readSubscribers(topicArn: string, signal: AbortSignal): Promise<Subscribers>;
  close(): void;
}

const BOOTSTRAP_PARAMETER = '/cdk-bootstrap/hnb659fds/version';
/** DescribeAlarms takes so many names at once. */
const MAX_ALARM_NAMES = 100;

/**
 * Without a region the AWS SDK's own chain says: `AWS_REGION`, then the profile's. `file` is the configuration, as a
 * person named it.
 */
export function openAccountSurvey(configured: string | undefined, file: string): AccountSurvey {
  const settings = clientSettings(configured);
  const sts = new STSClient(settings);
  const ssm = new SSMClient(settings);
  const lambda = new LambdaClient(settings);
  const cloudWatch = new CloudWatchClient(settings);
  const sns = new SNSClient(settings);

  async function ask<T>(
    name: string,
    right: string,
    signal: AbortSignal,
    call: (region: string) => Promise<T>,
  ): Promise<T> {
    const region = await sts.config.region().catch(() => undefined);
    if (region === undefined) throw noRegion(file);
    try {
      await findCredentials(sts);
      return await call(region);
    } catch (thrown) {
      throw controlPlaneError(thrown, { name, region, right }, signal);
    }
  }

  return {
    readIdentity: (signal) =>
      ask('your identity', 'sts:GetCallerIdentity', signal, async () => {
        const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}), { abortSignal: signal });
        return { account: Account ?? '', arn: Arn ?? '' };
      }),
    isBootstrapped: (signal) =>
      ask(`the SSM parameter ${BOOTSTRAP_PARAMETER}`, 'ssm:GetParameter', signal, async () => {
        try {
          await ssm.send(new GetParameterCommand({ Name: BOOTSTRAP_PARAMETER }), { abortSignal: signal });
          return true;
        } catch (thrown) {
          if (thrown instanceof ParameterNotFound) return false;
          throw thrown;
        }
      }),
    findSecret: (SecretId, signal) =>
      ask(`the secret "${SecretId}"`, 'secretsmanager:DescribeSecret', signal, async (usual) => {
        const region = secretRegion(SecretId) ?? usual;
        const secrets = new SecretsManagerClient(clientSettings(region));
        try {
          const { DeletedDate } = await secrets.send(new DescribeSecretCommand({ SecretId }), {
            abortSignal: signal,
          });
          return { state: DeletedDate === undefined ? 'there' : 'deleted', region };
        } catch (thrown) {
          if (thrown instanceof ResourceNotFoundException) return { state: 'absent', region };
          throw thrown;
        } finally {
          secrets.destroy();
        }
      }),
    readConcurrency: (signal) =>
      ask('the Lambda settings of the account', 'lambda:GetAccountSettings', signal, async () => {
        const settings = await lambda.send(new GetAccountSettingsCommand({}), { abortSignal: signal });
        return settings.AccountLimit?.UnreservedConcurrentExecutions ?? 0;
      }),
    readRinging: (alarms, signal) =>
      ask('the alarms', 'cloudwatch:DescribeAlarms', signal, async () => {
        const ringing: RingingAlarm[] = [];
        for (let at = 0; at < alarms.length; at += MAX_ALARM_NAMES) {
          const AlarmNames = alarms.slice(at, at + MAX_ALARM_NAMES);
          const command = new DescribeAlarmsCommand({ AlarmNames, StateValue: 'ALARM' });
          const { MetricAlarms = [] } = await cloudWatch.send(command, { abortSignal: signal });
          for (const { AlarmName, StateUpdatedTimestamp } of MetricAlarms) {
            ringing.push({
              name: AlarmName ?? '',
              ...(StateUpdatedTimestamp && { since: StateUpdatedTimestamp.getTime() }),
            });
          }
        }
        return ringing;
      }),
    readSubscribers: (TopicArn, signal) =>
      ask(`the topic ${TopicArn}`, 'sns:GetTopicAttributes', signal, async () => {
        const command = new GetTopicAttributesCommand({ TopicArn });
        const { Attributes = {} } = await sns.send(command, { abortSignal: signal });
        return {
          confirmed: Number(Attributes['SubscriptionsConfirmed'] ?? 0),
          pending: Number(Attributes['SubscriptionsPending'] ?? 0),
        };
      }),
    close() {
      for (const client of [sts, ssm, lambda, cloudWatch, sns]) client.destroy();
    },
  };
}
