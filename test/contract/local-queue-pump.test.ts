import {
  ChangeMessageVisibilityCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSEvent } from 'aws-lambda';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type LocalAws, startAws } from '../../src/local/aws/aws.ts';
import { type AwsResources, ensureResources } from '../../src/local/aws/resources.ts';
import {
  type PumpOptions,
  pumpQueue,
  type QueueHandler,
  type QueuePump,
} from '../../src/local/queue-pump.ts';

let aws: LocalAws;
let resources: AwsResources;
let sqs: SQSClient;
let stop: AbortController;
let pump: QueuePump | undefined;
let queueNumber = 0;

beforeAll(async () => {
  aws = await startAws();
  sqs = new SQSClient({ endpoint: aws.sqs, region: aws.region, credentials: aws.credentials });
});
beforeEach(async () => {
  queueNumber += 1;
  const names = {
    chunkQueue: `chunks-${queueNumber}`,
    deadLetterQueue: `dead-${queueNumber}`,
    checkpointTable: 'checkpoint',
  };
  resources = await ensureResources(aws, { names });
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await pump?.stopped;
});
afterAll(async () => {
  sqs.destroy();
  await aws.close();
});

function start(handler: QueueHandler, options: Partial<PumpOptions> = {}): QueuePump {
  pump = pumpQueue({
    aws,
    queueUrl: resources.chunkQueueUrl,
    handler,
    signal: stop.signal,
    visibilityTimeoutSeconds: 30,
    ...options,
  });
  return pump;
}

async function send(...bodies: string[]): Promise<void> {
  for (const MessageBody of bodies) {
    await sqs.send(new SendMessageCommand({ QueueUrl: resources.chunkQueueUrl, MessageBody }));
  }
}

async function deadLetters(): Promise<(string | undefined)[]> {
  const { Messages = [] } = await sqs.send(
    new ReceiveMessageCommand({ QueueUrl: resources.deadLetterQueueUrl, MaxNumberOfMessages: 10 }),
  );
  return Messages.map(({ Body }) => Body);
}

function failure(event: SQSEvent) {
  return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}

test('a handler gets one message as Lambda would give it, and idle waits until all are done', async () => {
  const calls: { event: SQSEvent; context: Context; remainingMs: number }[] = [];
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: resources.chunkQueueUrl,
      MessageBody: '{"v":1}',
      MessageAttributes: {
        sync: { DataType: 'String', StringValue: 'orders' },
        raw: { DataType: 'Binary', BinaryValue: Uint8Array.of(1, 2) },
      },
    }),
  );
  await send('second');
  const running = start(
    async (event, context) => {
      calls.push({ event, context, remainingMs: context.getRemainingTimeInMillis() });
      return { batchItemFailures: [] };
    },
    { concurrency: 1, functionName: 'writer', timeoutMs: 100_000 },
  );
  await running.idle();
  expect(calls.map(({ event }) => event.Records.length)).toEqual([1, 1]);
  expect(calls[0]?.event.Records[0]).toMatchObject({
    messageId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    receiptHandle: expect.any(String),
    body: '{"v":1}',
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: expect.stringMatching(/^\d+$/),
      ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d+$/),
      SenderId: expect.any(String),
    },
    messageAttributes: {
      sync: { dataType: 'String', stringValue: 'orders' },
      raw: { dataType: 'Binary', binaryValue: 'AQI=' },
    },
    md5OfBody: expect.stringMatching(/^[0-9a-f]{32}$/),
    eventSource: 'aws:sqs',
    eventSourceARN: resources.chunkQueueArn,
    awsRegion: aws.region,
  });
  expect(calls[0]?.context).toMatchObject({ functionName: 'writer', awsRequestId: expect.any(String) });
  expect(calls[0]?.context.awsRequestId).not.toBe(calls[1]?.context.awsRequestId);
  expect(calls[0]?.remainingMs).toBeGreaterThan(50_000);
  expect(calls[0]?.remainingMs).toBeLessThanOrEqual(100_000);
});

test('a handler that answers nothing has succeeded', async () => {
  let calls = 0;
  await send('once');
  await start(async () => {
    calls += 1;
    return undefined;
  }).idle();
  expect(calls).toBe(1);
});

test('a message that failed comes again after its visibility timeout, with a higher count', async () => {
  const counts: string[] = [];
  const times: number[] = [];
  await send('again');
  await start(
    async (event) => {
      counts.push(event.Records[0]?.attributes.ApproximateReceiveCount ?? '');
      times.push(performance.now());
      return counts.length === 1 ? failure(event) : { batchItemFailures: [] };
    },
    { visibilityTimeoutSeconds: 1 },
  ).idle();
  expect(counts).toEqual(['1', '2']);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900);
});

test('a message that the handler made visible comes again at once', async () => {
  const times: number[] = [];
  await send('again');
  await start(async (event) => {
    times.push(performance.now());
    if (times.length > 1) return undefined;
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: resources.chunkQueueUrl,
        ReceiptHandle: event.Records[0]?.receiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    return failure(event);
  }).idle();
  expect(times.length).toBe(2);
});

test('a handler that always throws sends its message to the dead-letter queue, and the others go on', async () => {
  const handled: string[] = [];
  await send('poison', 'good');
  await start(async (event) => {
    const [record] = event.Records;
    handled.push(record?.body ?? '');
    if (record?.body === 'good') return undefined;
    await sqs.send(
      new ChangeMessageVisibilityCommand({
        QueueUrl: resources.chunkQueueUrl,
        ReceiptHandle: record?.receiptHandle,
        VisibilityTimeout: 0,
      }),
    );
    throw new Error('always');
  }).idle();
  expect(handled.filter((body) => body === 'poison').length).toBe(5);
  expect(handled.filter((body) => body === 'good').length).toBe(1);
  expect(await deadLetters()).toEqual(['poison']);
});

test('a message stays invisible while its handler runs, longer than the visibility timeout', async () => {
  let calls = 0;
  await send('slow');
  await start(
    async () => {
      calls += 1;
      await new Promise((resolve) => setTimeout(resolve, 6_000));
      return undefined;
    },
    { concurrency: 2, visibilityTimeoutSeconds: 4 },
  ).idle();
  expect(calls).toBe(1);
});

test('a handler that runs out of time has failed, and its message comes again', async () => {
  let calls = 0;
  await send('stuck');
  await start(
    () => {
      calls += 1;
      return calls === 1 ? new Promise<undefined>(() => undefined) : Promise.resolve(undefined);
    },
    { timeoutMs: 50, visibilityTimeoutSeconds: 1 },
  ).idle();
  expect(calls).toBe(2);
});

test('as many handlers run at once as allowed, and no more', async () => {
  let running = 0;
  let most = 0;
  const full = Promise.withResolvers<void>();
  await send('1', '2', '3', '4', '5', '6');
  await start(
    async () => {
      running += 1;
      most = Math.max(most, running);
      if (running === 3) full.resolve();
      await full.promise;
      await new Promise(setImmediate);
      running -= 1;
      return undefined;
    },
    { concurrency: 3 },
  ).idle();
  expect(most).toBe(3);
});

test('an abort lets the running handler finish, and receives nothing more', async () => {
  const entered = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  const handled: string[] = [];
  await send('first', 'second');
  const running = start(
    async (event) => {
      entered.resolve();
      await release.promise;
      handled.push(event.Records[0]?.body ?? '');
      return undefined;
    },
    { concurrency: 1 },
  );
  await entered.promise;
  stop.abort();
  await expect(running.idle()).rejects.toMatchObject({ kind: 'cancelled' });
  release.resolve();
  await running.stopped;
  expect(handled).toEqual(['first']);
  stop = new AbortController();
  await start(async (event) => {
    handled.push(event.Records[0]?.body ?? '');
    return undefined;
  }).idle();
  expect(handled).toEqual(['first', 'second']);
});

test('a pump that stopped leaves no receive behind that takes the next message', async () => {
  await start(async () => undefined, { concurrency: 4 }).idle();
  stop.abort();
  await pump?.stopped;
  stop = new AbortController();
  await send('next');
  let calls = 0;
  await start(async () => {
    calls += 1;
    return undefined;
  }).idle();
  expect(calls).toBe(1);
});

test('idle rejects where the queue cannot be asked', async () => {
  const running = start(async () => undefined, { queueUrl: `${resources.chunkQueueUrl}-none` });
  await expect(running.idle()).rejects.toMatchObject({ kind: 'queue_unavailable' });
});
