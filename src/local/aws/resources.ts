import {
  CreateTableCommand,
  type CreateTableCommandInput,
  DynamoDBClient,
  ResourceInUseException,
} from '@aws-sdk/client-dynamodb';
import {
  CreateQueueCommand,
  GetQueueAttributesCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { SyncError } from '../../error/sync-error.ts';
import type { LocalAwsAccess } from './aws.ts';

export interface ResourceNames {
  readonly chunkQueue: string;
  readonly deadLetterQueue: string;
  readonly checkpointTable: string;
}

export const LOCAL_NAMES: ResourceNames = {
  chunkQueue: 'lakeferry-chunks',
  deadLetterQueue: 'lakeferry-chunks-dead',
  checkpointTable: 'lakeferry-checkpoint',
};

export interface AwsResources {
  readonly chunkQueueUrl: string;
  readonly chunkQueueArn: string;
  readonly deadLetterQueueUrl: string;
  readonly deadLetterQueueArn: string;
  readonly checkpointTable: string;
}

/** How often a chunk is received before it goes to the dead-letter queue. */
export const MAX_RECEIVE_COUNT = 5;

/** The checkpoint table as it is deployed: one string key, billed per request. */
export function checkpointTableDefinition(name: string): CreateTableCommandInput {
  return {
    TableName: name,
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
  };
}

/** Makes the chunk queue, its dead-letter queue and the checkpoint table unless they exist; the rest stays as it is. */
export async function ensureResources(
  access: LocalAwsAccess,
  options: { readonly visibilityTimeoutSeconds?: number; readonly names?: ResourceNames } = {},
): Promise<AwsResources> {
  const { visibilityTimeoutSeconds = 30, names = LOCAL_NAMES } = options;
  const { region, credentials } = access;
  const sqs = new SQSClient({ endpoint: access.sqs, region, credentials });
  const dynamodb = new DynamoDBClient({ endpoint: access.dynamodb, region, credentials });
  try {
    await ensureTable(dynamodb, names.checkpointTable);
    const dead = await ensureQueue(sqs, names.deadLetterQueue, {});
    const chunks = await ensureQueue(sqs, names.chunkQueue, {
      VisibilityTimeout: String(visibilityTimeoutSeconds),
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: MAX_RECEIVE_COUNT }),
    });
    return {
      chunkQueueUrl: chunks.url,
      chunkQueueArn: chunks.arn,
      deadLetterQueueUrl: dead.url,
      deadLetterQueueArn: dead.arn,
      checkpointTable: names.checkpointTable,
    };
  } catch (cause) {
    throw new SyncError(
      'local_failed',
      'The queues and the table of the local stack could not be made.',
      {},
      { cause },
    );
  } finally {
    sqs.destroy();
    dynamodb.destroy();
  }
}

async function ensureTable(dynamodb: DynamoDBClient, name: string): Promise<void> {
  try {
    await dynamodb.send(new CreateTableCommand(checkpointTableDefinition(name)));
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error;
  }
}

async function ensureQueue(sqs: SQSClient, name: string, attributes: Record<string, string>) {
  const { QueueUrl: url = '' } = await sqs.send(new CreateQueueCommand({ QueueName: name }));
  if (Object.keys(attributes).length > 0) {
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes: attributes }));
  }
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: ['QueueArn'] }),
  );
  return { url, arn: Attributes?.['QueueArn'] ?? '' };
}
