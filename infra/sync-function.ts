import { type Duration, RemovalPolicy } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import {
  Architecture,
  Function as LambdaFunction,
  type RecursiveLoop,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import type { IQueue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { CONFIG_FILE } from '../src/config/config-file.ts';
import { bundle } from './bundle.ts';
import type { ConnectionSecrets } from './connection-secrets.ts';
import { mayUse } from './encryption.ts';

/** What planner and writer work with. */
export interface SyncServices {
  /** Name of the deployment. */
  readonly name: string;
  /** Goes into the bundles as it is. */
  readonly configText: string;
  readonly checkpoints: TableV2;
  readonly queue: IQueue;
  readonly secrets: ConnectionSecrets;
  readonly logRetention: RetentionDays;
  readonly encryptionKey?: IKey | undefined;
}

export interface SyncFunctionProps extends SyncServices {
  /** Name of a file under lambdas/. */
  readonly entry: 'planner' | 'writer';
  readonly description: string;
  readonly timeout: Duration;
  readonly memorySize: number;
  /** What Lambda does about chains of invocations that it takes for a loop; ends them when absent. */
  readonly recursiveLoop?: RecursiveLoop;
  /** Actions that its code calls, beside reading the secrets and writing its log. */
  readonly checkpointActions: readonly string[];
  readonly queueActions: readonly string[];
}

/** What planner and writer have in common: bundle, environment, log group, and a role that may do what the code does. */
export class SyncFunction extends Construct {
  readonly handler: LambdaFunction;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: SyncFunctionProps) {
    super(scope, id);
    const { name, entry, checkpoints, queue, secrets, encryptionKey } = props;
    this.logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/lakeferry/${name}/${entry}`,
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.DESTROY,
      ...(encryptionKey === undefined ? {} : { encryptionKey }),
    });
    const statements = [
      new PolicyStatement({
        actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
        resources: [this.logGroup.logGroupArn],
      }),
      new PolicyStatement({ actions: [...props.checkpointActions], resources: [checkpoints.tableArn] }),
      new PolicyStatement({ actions: [...props.queueActions], resources: [queue.queueArn] }),
      ...secrets.statements,
      ...mayUse(encryptionKey),
    ];
    const role = new Role(this, 'Role', {
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      inlinePolicies: { sync: new PolicyDocument({ statements }) },
    });
    this.handler = new LambdaFunction(this, 'Function', {
      description: `Lakeferry ${name}: ${props.description}`,
      code: bundle(entry, props.configText),
      handler: 'index.handler',
      role,
      logGroup: this.logGroup,
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: props.timeout,
      memorySize: props.memorySize,
      ...(props.recursiveLoop === undefined ? {} : { recursiveLoop: props.recursiveLoop }),
      environment: {
        LAKEFERRY_CONFIG: CONFIG_FILE,
        LAKEFERRY_CHECKPOINT_TABLE: checkpoints.tableName,
        LAKEFERRY_CHUNK_QUEUE_URL: queue.queueUrl,
        POWERTOOLS_SERVICE_NAME: name,
      },
    });
  }
}
