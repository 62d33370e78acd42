import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { DynamoDBClient, GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type LocalAws, startAws } from '../../src/local/aws/aws.ts';
import { type AwsResources, ensureResources, MAX_RECEIVE_COUNT } from '../../src/local/aws/resources.ts';

let directory: string;
let aws: LocalAws;
let resources: AwsResources;
let sqs: SQSClient;
let dynamodb: DynamoDBClient;

beforeAll(async () => {
  directory = await mkdtemp(path.join(os.tmpdir(), 'lakeferry-test-'));
});
beforeEach(() => open(undefined));
afterEach(close);
afterAll(() => rm(directory, { recursive: true, force: true }));

async function open(where: string | undefined): Promise<void> {
  aws = await startAws(where === undefined ? {} : { directory: where });
  resources = await ensureResources(aws, { visibilityTimeoutSeconds: 30 });
  const { region, credentials } = aws;
  sqs = new SQSClient({ endpoint: aws.sqs, region, credentials });
  dynamodb = new DynamoDBClient({ endpoint: aws.dynamodb, region, credentials });
}

async function close(): Promise<void> {
  sqs.destroy();
  dynamodb.destroy();
  await aws.close();
}

async function send(queue: string, ...bodies: string[]): Promise<void> {
  for (const MessageBody of bodies) {
    const MessageAttributes = { kind: { DataType: 'String', StringValue: 'chunk' } };
    await sqs.send(new SendMessageCommand({ QueueUrl: queue, MessageBody, MessageAttributes }));
  }
}

async function receive(queue: string): Promise<Message[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({
      QueueUrl: queue,
      MaxNumberOfMessages: 10,
      MessageSystemAttributeNames: ['All'],
      MessageAttributeNames: ['All'],
    }),
  );
  return Messages;
}

async function makeVisible(queue: string, { ReceiptHandle }: Message): Promise<void> {
  await sqs.send(
    new ChangeMessageVisibilityCommand({ QueueUrl: queue, ReceiptHandle, VisibilityTimeout: 0 }),
  );
}

test('the services listen on 127.0.0.1 and on no other address', async () => {
  for (const endpoint of [aws.sqs, aws.dynamodb]) {
    expect(new URL(endpoint).hostname).toBe('127.0.0.1');
    const elsewhere = connect(Number(new URL(endpoint).port), '127.0.0.2');
    const error = await once(elsewhere, 'connect').catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(Error);
  }
  expect(new URL(resources.chunkQueueUrl).origin).toBe(aws.sqs);
});

test('the chunk queue hands a message that was received too often to its dead-letter queue', async () => {
  const { chunkQueueUrl, deadLetterQueueUrl } = resources;
  await send(chunkQueueUrl, 'poison');
  for (let count = 1; count <= MAX_RECEIVE_COUNT; count += 1) {
    const [message] = await receive(chunkQueueUrl);
    expect(message?.Attributes?.['ApproximateReceiveCount']).toBe(String(count));
    if (message !== undefined) await makeVisible(chunkQueueUrl, message);
  }
  expect(await receive(chunkQueueUrl)).toEqual([]);
  expect((await receive(deadLetterQueueUrl)).map(({ Body }) => Body)).toEqual(['poison']);
});

test('the queues have the attributes they are deployed with, and keep them when they exist already', async () => {
  await ensureResources(aws, { visibilityTimeoutSeconds: 7 });
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: resources.chunkQueueUrl, AttributeNames: ['All'] }),
  );
  expect(Attributes).toMatchObject({ VisibilityTimeout: '7', QueueArn: resources.chunkQueueArn });
  expect(JSON.parse(Attributes?.['RedrivePolicy'] ?? '')).toEqual({
    deadLetterTargetArn: resources.deadLetterQueueArn,
    maxReceiveCount: 5,
  });
});

test('a message move task puts dead letters back into their queue, as new messages', async () => {
  const { deadLetterQueueUrl, deadLetterQueueArn, chunkQueueUrl } = resources;
  const bodies = Array.from({ length: 12 }, (_, n) => `chunk ${n}`);
  await send(deadLetterQueueUrl, ...bodies);
  const { TaskHandle } = await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: deadLetterQueueArn }));
  expect(TaskHandle).toEqual(expect.any(String));

  const moved = [...(await receive(chunkQueueUrl)), ...(await receive(chunkQueueUrl))];
  expect(moved.map(({ Body }) => Body).sort()).toEqual([...bodies].sort());
  expect(moved[0]?.Attributes?.['ApproximateReceiveCount']).toBe('1');
  expect(moved[0]?.MessageAttributes).toEqual({ kind: { DataType: 'String', StringValue: 'chunk' } });
  expect(await receive(deadLetterQueueUrl)).toEqual([]);

  const { Results } = await sqs.send(new ListMessageMoveTasksCommand({ SourceArn: deadLetterQueueArn }));
  expect(Results).toMatchObject([
    { Status: 'COMPLETED', SourceArn: deadLetterQueueArn, ApproximateNumberOfMessagesMoved: 12 },
  ]);
});

test('a message move task goes to the named destination, and refuses a queue that is no dead-letter queue', async () => {
  const { deadLetterQueueUrl, deadLetterQueueArn, chunkQueueArn, chunkQueueUrl } = resources;
  await send(deadLetterQueueUrl, 'chunk');
  await sqs.send(
    new StartMessageMoveTaskCommand({ SourceArn: deadLetterQueueArn, DestinationArn: chunkQueueArn }),
  );
  expect((await receive(chunkQueueUrl)).map(({ Body }) => Body)).toEqual(['chunk']);
  await expect(sqs.send(new StartMessageMoveTaskCommand({ SourceArn: chunkQueueArn }))).rejects.toMatchObject(
    {
      name: 'InvalidParameterValue',
    },
  );
  await expect(
    sqs.send(new StartMessageMoveTaskCommand({ SourceArn: `${chunkQueueArn}-none` })),
  ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
});

test('messages, receive counts and items are there after a restart, on other ports', async () => {
  await close();
  await open(directory);
  const { chunkQueueUrl, checkpointTable } = resources;
  await send(chunkQueueUrl, 'kept', 'done');
  const received = await receive(chunkQueueUrl);
  for (const message of received) {
    if (message.Body === 'kept') await makeVisible(chunkQueueUrl, message);
    else {
      await sqs.send(
        new DeleteMessageCommand({ QueueUrl: chunkQueueUrl, ReceiptHandle: message.ReceiptHandle }),
      );
    }
  }
  const item = { pk: { S: 'sync#t' }, through: { S: '41' } };
  await dynamodb.send(new PutItemCommand({ TableName: checkpointTable, Item: item }));

  await close();
  await open(directory);
  expect(new URL(resources.chunkQueueUrl).origin).toBe(aws.sqs);
  const kept = await receive(resources.chunkQueueUrl);
  expect(kept.map(({ Body, Attributes }) => [Body, Attributes?.['ApproximateReceiveCount']])).toEqual([
    ['kept', '2'],
  ]);
  const { Item } = await dynamodb.send(
    new GetItemCommand({ TableName: checkpointTable, Key: { pk: { S: 'sync#t' } }, ConsistentRead: true }),
  );
  expect(Item).toEqual(item);
});

test('the checkpoint table refuses a write whose condition does not hold', async () => {
  const put = new PutItemCommand({
    TableName: resources.checkpointTable,
    Item: { pk: { S: 'sync#t' } },
    ConditionExpression: 'attribute_not_exists(pk)',
  });
  await dynamodb.send(put);
  await expect(dynamodb.send(put)).rejects.toMatchObject({ name: 'ConditionalCheckFailedException' });
});

test('a taken port is one clear sentence, and nothing stays behind', async () => {
  const port = Number(new URL(aws.dynamodb).port);
  await expect(startAws({ ports: { dynamodb: port } })).rejects.toMatchObject({
    kind: 'local_failed',
    message: `Port ${port} is taken: stop what listens there, or choose another port for DynamoDB.`,
  });
});
