import type { CheckpointStore } from './checkpoint/checkpoint.ts';
import { openDynamoDbCheckpoints } from './checkpoint/dynamodb/dynamodb-checkpoint-store.ts';
import type { AwsConnection, Connections } from './config/connections.ts';
import { LOCAL_AWS_CREDENTIALS } from './config/connections.ts';
import { SyncError } from './error/sync-error.ts';
import type { ChunkQueue, DeadLetterQueue } from './queue/queue.ts';
import { openSqsChunkQueue } from './queue/sqs/sqs-chunk-queue.ts';
import { openSqsDeadLetterQueue } from './queue/sqs/sqs-dead-letter-queue.ts';
import { openDatabricksSource } from './source/databricks/databricks-source.ts';
import type { Source } from './source/source.ts';
import type { SourceSurvey } from './source/survey.ts';
import type { Services } from './sync/services.ts';
import { openPostgresTarget } from './target/postgres/postgres-target.ts';
import type { TargetSurvey } from './target/survey.ts';
import type { Target } from './target/target.ts';

export interface ComposedServices extends Services {
  readonly source: Source & SourceSurvey;
  readonly target: Target & TargetSurvey;
  close(): Promise<void>;
}

/** An error in the place of what there is no way into: every call to it rejects with that error. */
export interface ComposableConnections {
  readonly databricks: Connections['databricks'] | SyncError;
  readonly neon: Connections['neon'] | SyncError;
  readonly aws: AwsConnection | SyncError;
}

/** The graph for one set of connections. Nothing is connected before it is needed. */
export function compose(
  { databricks, neon, aws }: ComposableConnections,
  telemetry: Pick<Services, 'clock' | 'log' | 'metrics'>,
): ComposedServices {
  const source: Source & SourceSurvey =
    databricks instanceof SyncError ? outOfReach(databricks) : openDatabricksSource(databricks);
  const target: Target & TargetSurvey =
    neon instanceof SyncError ? outOfReach(neon) : openPostgresTarget(neon, telemetry);
  const checkpoints: CheckpointStore =
    aws instanceof SyncError
      ? outOfReach(aws)
      : openDynamoDbCheckpoints({ table: aws.checkpointTable, ...accessTo(aws, 'dynamodb') });
  const queue: ChunkQueue = aws instanceof SyncError ? outOfReach(aws) : composeQueue(aws);
  return {
    source,
    target,
    checkpoints,
    queue,
    ...telemetry,
    async close() {
      checkpoints.close();
      queue.close();
      await Promise.allSettled([source.close(), target.close()]);
    },
  };
}

function outOfReach<T extends object>(error: SyncError): T {
  return new Proxy({} as T, {
    get: (_, name) => () => (name === 'close' ? Promise.resolve() : Promise.reject(error)),
  });
}

/** The chunk queue alone. */
export function composeQueue(aws: AwsConnection): ChunkQueue {
  return openSqsChunkQueue({ queueUrl: aws.chunkQueueUrl, ...accessTo(aws, 'sqs') });
}

/** The dead letters, for the commands that operate on them. Throws `environment_invalid` when they are not named. */
export function composeDeadLetters(aws: AwsConnection): DeadLetterQueue {
  const { deadLetterQueueUrl: queueUrl, chunkQueueUrl } = aws;
  if (queueUrl === undefined) {
    throw new SyncError('environment_invalid', 'LAKEFERRY_DEAD_LETTER_QUEUE_URL is not set.');
  }
  return openSqsDeadLetterQueue({ queueUrl, chunkQueueUrl, ...accessTo(aws, 'sqs') });
}

function accessTo({ region, local }: AwsConnection, service: 'dynamodb' | 'sqs') {
  if (local === undefined) return { region };
  return { region, endpoint: local[service], credentials: LOCAL_AWS_CREDENTIALS };
}
