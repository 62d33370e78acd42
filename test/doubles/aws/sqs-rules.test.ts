import {
  ChangeMessageVisibilityCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { LOCAL_AWS_CREDENTIALS } from '../../../src/config/connections.ts';
import { type AwsResources, ensureResources, MAX_RECEIVE_COUNT } from '../../../src/local/aws/resources.ts';
import type { LocalService } from '../../../src/local/aws/sqs.ts';
import { MAX_MESSAGE_BYTES } from '../../../src/queue/sqs/batches.ts';
import { MAX_RETURN_SECONDS } from '../../../src/queue/sqs/sqs-chunk-queue.ts';
import { QUIRKS, startSuiteDynamoDb, startSuiteSqs } from './services.ts';

/** What Lakeferry leans on in SQS beside its own queue's contract; each difference from SQS is a named quirk. */
const REGION = 'us-east-1';

let service: LocalService;
let dynamoDb: LocalService;
let sqs: SQSClient;
let queues: AwsResources;
let made = 0;

beforeAll(async () => {
  [service, dynamoDb] = await Promise.all([startSuiteSqs(REGION), startSuiteDynamoDb(REGION)]);
  sqs = new SQSClient({
    endpoint: service.endpoint,
    region: REGION,
    credentials: LOCAL_AWS_CREDENTIALS,
    maxAttempts: 1,
  });
});

afterAll(async () => {
  sqs.destroy();
  await Promise.all([service.close(), dynamoDb.close()]);
});

beforeEach(async () => {
  made += 1;
  queues = await ensureResources(
    {
      sqs: service.endpoint,
      dynamodb: dynamoDb.endpoint,
      region: REGION,
      credentials: LOCAL_AWS_CREDENTIALS,
    },
    {
      visibilityTimeoutSeconds: 600,
      names: {
        chunkQueue: `chunks-${made}`,
        deadLetterQueue: `dead-${made}`,
        checkpointTable: `checkpoints-${made}`,
      },
    },
  );
});

async function send(...bodies: string[]): Promise<void> {
  for (const MessageBody of bodies) {
    await sqs.send(new SendMessageCommand({ QueueUrl: queues.chunkQueueUrl, MessageBody }));
  }
}

async function receiveOne(queueUrl = queues.chunkQueueUrl): Promise<Message | undefined> {
  const { Messages } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: queueUrl, MessageSystemAttributeNames: ['All'] }),
  );
  return Messages?.[0];
}

async function hide(message: Message | undefined, seconds: number): Promise<void> {
  await sqs.send(
    new ChangeMessageVisibilityCommand({
      QueueUrl: queues.chunkQueueUrl,
      ReceiptHandle: message?.ReceiptHandle,
      VisibilityTimeout: seconds,
    }),
  );
}

function batchOf(bodies: readonly string[]): SendMessageBatchCommand {
  return new SendMessageBatchCommand({
    QueueUrl: queues.chunkQueueUrl,
    Entries: bodies.map((MessageBody, at) => ({ Id: String(at), MessageBody, MessageGroupId: 'orders' })),
  });
}

test('a message that was received too often goes to the dead-letter queue, and counts on there', async () => {
  await send('poison');
  for (let count = 1; count <= MAX_RECEIVE_COUNT; count += 1) {
    const message = await receiveOne();
    expect(message?.Attributes?.ApproximateReceiveCount).toBe(String(count));
    await hide(message, 0);
  }
  expect(await receiveOne()).toBeUndefined();
  const dead = await receiveOne(queues.deadLetterQueueUrl);
  expect(dead?.Body).toBe('poison');
  expect(Number(dead?.Attributes?.ApproximateReceiveCount)).toBeGreaterThan(MAX_RECEIVE_COUNT);
});

test('a batch of more than ten messages, or of more bytes than one message may have, is refused whole', async () => {
  await expect(sqs.send(batchOf(Array<string>(11).fill('x')))).rejects.toMatchObject({
    name: 'TooManyEntriesInBatchRequest',
  });
  const half = 'x'.repeat(MAX_MESSAGE_BYTES / 2);
  await expect(sqs.send(batchOf([half, `${half}x`]))).rejects.toMatchObject({ name: 'BatchRequestTooLong' });
  expect(await receiveOne()).toBeUndefined();
  expect((await sqs.send(batchOf([half, half]))).Successful).toHaveLength(2);
});

test('the time that a message was in flight counts towards the 12 hours', async () => {
  await send('chunk');
  const message = await receiveOne();
  const whole = hide(message, 43_200);
  if (QUIRKS.forgetsTimeInFlight) await whole;
  else await expect(whole).rejects.toThrow(/Total VisibilityTimeout for the message is beyond the limit/);
  await hide(message, MAX_RETURN_SECONDS);
});

test('a message of a batch is delivered with its group', async () => {
  await sqs.send(batchOf(['chunk']));
  const message = await receiveOne();
  expect(message?.Attributes?.MessageGroupId).toBe(QUIRKS.forgetsGroupOfBatch ? undefined : 'orders');
});

test('a message move task puts dead letters back', async () => {
  await sqs.send(new SendMessageCommand({ QueueUrl: queues.deadLetterQueueUrl, MessageBody: 'chunk' }));
  const start = sqs.send(new StartMessageMoveTaskCommand({ SourceArn: queues.deadLetterQueueArn }));
  if (QUIRKS.movesNothing) {
    await expect(start).rejects.toThrow();
    return;
  }
  await start;
  expect((await receiveOne())?.Body).toBe('chunk');
});
