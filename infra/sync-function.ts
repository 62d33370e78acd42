import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Duration } from 'aws-cdk-lib';
import type { TableV2 } from 'aws-cdk-lib/aws-dynamodb';
import {
  Architecture,
  ParamsAndSecretsLayerVersion,
  ParamsAndSecretsVersions,
  Runtime,
} from 'aws-cdk-lib/aws-lambda';
import { LogLevel, NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { Secret } from 'aws-cdk-lib/aws-secretsmanager';
import type { Queue } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { CONFIG_FILE } from '../src/config/config-file.ts';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';

export interface SyncServices {
  readonly config: LakeferryConfig;
  /** Path of the file that `config` was read from: it goes into the bundle. */
  readonly configPath: string;
  readonly checkpoints: TableV2;
  readonly queue: Queue;
}

export interface SyncFunctionProps extends SyncServices {
  /** File under lambdas/. */
  readonly entry: string;
  readonly timeout: Duration;
  readonly memorySize: number;
}

/** What planner and writer have in common: the bundle, the environment, the way to checkpoints, secrets and queue. */
export class SyncFunction extends Construct {
  readonly handler: NodejsFunction;

  constructor(scope: Construct, id: string, props: SyncFunctionProps) {
    super(scope, id);
    const { config, configPath, checkpoints, queue } = props;
    this.handler = new NodejsFunction(this, 'Function', {
      entry: fileURLToPath(new URL(`../lambdas/${props.entry}`, import.meta.url)),
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      timeout: props.timeout,
      memorySize: props.memorySize,
      // The functions read their secrets through this layer, which caches them.
      paramsAndSecrets: ParamsAndSecretsLayerVersion.fromVersion(ParamsAndSecretsVersions.V1_0_103),
      environment: {
        LAKEFERRY_CONFIG: CONFIG_FILE,
        LAKEFERRY_CHECKPOINT_TABLE: checkpoints.tableName,
        LAKEFERRY_CHUNK_QUEUE_URL: queue.queueUrl,
        POWERTOOLS_SERVICE_NAME: 'lakeferry',
      },
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        minify: true,
        logLevel: LogLevel.ERROR,
        mainFields: ['module', 'main'],
        // Optional native parts of the Databricks driver, which works without them.
        externalModules: ['@databricks/databricks-sql-kernel-*', 'lz4', 'lz4-napi'],
        banner:
          "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
        commandHooks: {
          beforeBundling: () => [],
          beforeInstall: () => [],
          afterBundling: (_input, output) => [
            `cp ${JSON.stringify(resolve(configPath))} ${JSON.stringify(`${output}/${CONFIG_FILE}`)}`,
          ],
        },
      },
    });
    checkpoints.grantReadWriteData(this.handler);
    for (const connection of ['databricks', 'neon'] as const) {
      const name = config.connections[connection].secret;
      if (name !== undefined) Secret.fromSecretNameV2(this, connection, name).grantRead(this.handler);
    }
  }
}
