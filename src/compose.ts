import { openDynamoDbCheckpoints } from './checkpoint/dynamodb/dynamodb-checkpoint-store.ts';
import type { Connections } from './config/connections.ts';
import { LOCAL_AWS_CREDENTIALS } from './config/connections.ts';
import { openSqsChunkQueue } from './queue/sqs/sqs-chunk-queue.ts';
import { openDatabricksSource } from './source/databricks/databricks-source.ts';
import type { Services } from './sync/services.ts';
import { openPostgresTarget } from './target/postgres/postgres-target.ts';

export interface ComposedServices extends Services {
  close(): Promise<void>;
}

/** The graph for one set of connections. Nothing is connected before it is needed. */
export function compose(
  { databricks, neon, aws }: Connections,
  telemetry: Pick<Services, 'clock' | 'log' | 'metrics'>,
): ComposedServices {
  const { region, local } = aws;
  const access = (endpoint: string | undefined) =>
    endpoint === undefined ? { region } : { region, endpoint, credentials: LOCAL_AWS_CREDENTIALS };
  const source = openDatabricksSource(databricks);
  const target = openPostgresTarget(neon, telemetry);
  const checkpoints = openDynamoDbCheckpoints({ table: aws.checkpointTable, ...access(local?.dynamodb) });
  const queue = openSqsChunkQueue({ queueUrl: aws.chunkQueueUrl, ...access(local?.sqs) });
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
