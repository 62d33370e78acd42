import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { Annotations, Names, Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';
import { Construct } from 'constructs';
import packageJson from '../package.json' with { type: 'json' };
import { CONFIG_FILE } from '../src/config/config-file.ts';
import {
  configDigest,
  DEPLOYMENT_NAME,
  type Deployment,
  deploymentParameter,
} from '../src/config/deployment.ts';
import type { LakeferryFileInput } from '../src/config/file-schema.ts';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import { parseConfig } from '../src/config/parse-config.ts';
import { AlarmTopic } from './alarm-topic.ts';
import { Alarms } from './alarms.ts';
import { CheckpointTable } from './checkpoint-table.ts';
import { ChunkQueue } from './chunk-queue.ts';
import { ConnectionSecrets } from './connection-secrets.ts';
import { Dashboard } from './dashboard.ts';
import { letServicesUse } from './encryption.ts';
import { Planner } from './planner.ts';
import { SavedQueries } from './saved-queries.ts';
import { Schedules } from './schedules.ts';
import { Writer } from './writer.ts';

export interface LakeferryProps {
  /** Path of a lakeferry.yaml, or what would stand in it. */
  readonly config: string | LakeferryFileInput;
  /**
   * Names the deployment: queue, schedules, logs, alarms, dashboard, metrics and the SSM parameter bear it. 1 to 40 of
   * letters, digits and `-`, unique in account and region. Made from the construct's path when absent.
   */
  readonly name?: string;
  /** `create` makes the secrets that the configuration names, empty, for you to fill; `existing` (default) uses yours. */
  readonly secrets?: 'create' | 'existing';
  /** Encrypts the secrets, where it is not Secrets Manager's own key. */
  readonly secretsKey?: IKey;
  /**
   * Encrypts queues, checkpoints, logs and alarms; keys of AWS do when absent. The stack's region must be known then, and
   * the policy of a key from another stack must let CloudWatch's logs and alarms in.
   */
  readonly encryptionKey?: IKey;
  /** Where alarms go; a topic is made when absent. */
  readonly alarmTopic?: ITopic;
  /** How long the functions' logs are kept; a month when absent. */
  readonly logRetention?: RetentionDays;
}

/**
 * Schedules → planner → chunk queue → writer, with the checkpoint table beside them, for every sync of a
 * configuration. Throws ConfigError for one that is not valid.
 */
export class Lakeferry extends Construct {
  readonly deployment: Deployment;
  readonly alarmTopic: ITopic;
  /** For a grant to whoever operates the deployment. */
  readonly parameter: StringParameter;

  constructor(scope: Construct, id: string, props: LakeferryProps) {
    super(scope, id);
    const { encryptionKey, logRetention = RetentionDays.ONE_MONTH } = props;
    const name = props.name ?? Names.uniqueResourceName(this, { maxLength: 40, separator: '-' });
    if (!DEPLOYMENT_NAME.test(name))
      throw new Error(`"${name}" is no name for a deployment: write 1 to 40 of letters, digits and "-".`);
    const { text: configText, config } = readConfig(props.config);
    this.#tellWhatIsMissing(config);
    if (encryptionKey) letServicesUse(encryptionKey, { name, scope: this });

    const checkpoints = new CheckpointTable(this, 'CheckpointTable', { encryptionKey }).table;
    const { queue, deadLetters } = new ChunkQueue(this, 'ChunkQueue', { name, encryptionKey });
    const secrets = new ConnectionSecrets(this, 'Secrets', {
      connections: config.connections,
      secrets: props.secrets ?? 'existing',
      secretsKey: props.secretsKey,
    });
    const services = { name, configText, checkpoints, queue, secrets, logRetention, encryptionKey };
    const planner = new Planner(this, 'Planner', services);
    const writer = new Writer(this, 'Writer', { ...services, config });
    const schedules = new Schedules(this, 'Schedules', { name, config, planner: planner.handler });

    this.alarmTopic = props.alarmTopic ?? new AlarmTopic(this, 'AlarmTopic', { name, encryptionKey }).topic;
    const parts = { name, config, planner: planner.handler, writer: writer.handler, queue, deadLetters };
    const alarms = new Alarms(this, 'Alarms', { ...parts, topic: this.alarmTopic }).all;
    const logGroups = [planner.logGroup, writer.logGroup];
    const dashboard = new Dashboard(this, 'Dashboard', { ...parts, alarms, logGroups, checkpoints });
    new SavedQueries(this, 'SavedQueries', { name, logGroups });

    this.deployment = {
      schemaVersion: 1,
      name,
      version: packageJson.version,
      configDigest: configDigest(configText),
      region: Stack.of(this).region,
      checkpointTable: checkpoints.tableName,
      chunkQueueUrl: queue.queueUrl,
      deadLetterQueueUrl: deadLetters.queueUrl,
      plannerFunction: planner.handler.functionName,
      writerFunction: writer.handler.functionName,
      plannerLogGroup: planner.logGroup.logGroupName,
      writerLogGroup: writer.logGroup.logGroupName,
      scheduleGroup: schedules.group.scheduleGroupName,
      alarmTopicArn: this.alarmTopic.topicArn,
      alarms: alarms.map(({ alarmName }) => alarmName),
      dashboard: dashboard.dashboardName,
    };
    this.parameter = new StringParameter(this, 'Deployment', {
      parameterName: deploymentParameter(name),
      description: `Lakeferry ${name}: where its parts are, for the command line`,
      stringValue: Stack.of(this).toJsonString(this.deployment),
    });
  }

  /** No error: a template may be looked at before there is a warehouse. */
  #tellWhatIsMissing({ connections: { databricks, neon } }: LakeferryConfig): void {
    const needed = {
      'connections.databricks.host': databricks.host,
      'connections.databricks.httpPath': databricks.httpPath,
      'connections.databricks.secret': databricks.secret,
      'connections.neon.secret': neon.secret,
    };
    const missing = Object.entries(needed).flatMap(([setting, value]) =>
      value === undefined ? [setting] : [],
    );
    if (missing.length === 0) return;
    Annotations.of(this).addInfo(
      `The functions cannot work before the configuration has ${missing.join(', ')}.`,
    );
  }
}

function readConfig(config: LakeferryProps['config']): {
  readonly text: string;
  readonly config: LakeferryConfig;
} {
  const isPath = typeof config === 'string';
  const text = isPath ? readFileSync(config, 'utf8') : JSON.stringify(config, undefined, 2);
  return { text, config: parseConfig(text, isPath ? basename(config) : CONFIG_FILE) };
}
