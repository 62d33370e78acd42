import { createHash, randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SyncError } from '../../src/error/sync-error.ts';
import type { LocalService } from '../../src/local/aws/sqs.ts';
import { decodeMessage } from '../../src/plan/codec.ts';
import type { Chunk, Plan } from '../../src/plan/plan.ts';
import type { ChunkQueue } from '../../src/queue/queue.ts';
import { MAX_MESSAGE_BYTES } from '../../src/queue/sqs/batches.ts';
import { MAX_RETURN_SECONDS, openSqsChunkQueue, SqsChunkQueue } from '../../src/queue/sqs/sqs-chunk-queue.ts';
import { AWS_DOUBLE, QUIRKS, startSuiteSqs } from '../doubles/aws/services.ts';
import { loseAnswers } from '../support/lost-answers.ts';
import { MemoryQueue } from '../support/memory-queue.ts';
import { aPlan } from '../support/plans.ts';
import { deadEndpoint, type ScriptedAnswer, startScriptedServer } from '../support/scripted-server.ts';

const REGION = 'us-east-1';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const never = new AbortController().signal;

let sqs: LocalService;

beforeAll(async () => {
  sqs = await startSuiteSqs(REGION);
});

afterAll(() => sqs.close());

function clientOf(config: SQSClientConfig = {}): SQSClient {
  return new SQSClient({ region: REGION, endpoint: sqs.endpoint, credentials, ...config });
}

async function createQueue(client: SQSClient): Promise<string> {
  const { QueueUrl = '' } = await client.send(
    new CreateQueueCommand({ QueueName: `chunks-${randomUUID()}`, Attributes: { VisibilityTimeout: '600' } }),
  );
  return QueueUrl;
}

/** Everything that is visible now; it is in flight afterwards. */
async function receiveAll(client: SQSClient, queueUrl: string): Promise<Message[]> {
  const all: Message[] = [];
  for (;;) {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 10,
        WaitTimeSeconds: 0,
        MessageSystemAttributeNames: ['All'],
      }),
    );
    if (Messages.length === 0) return all;
    all.push(...Messages);
  }
}

async function failureOf(call: Promise<unknown>): Promise<SyncError> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(SyncError);
  return thrown as SyncError;
}

function chunksOf(plan: Plan, slices = plan.slices): Chunk[] {
  return Array.from({ length: slices }, (_, slice) => ({ plan, slice, of: plan.slices }));
}

/** A plan whose messages take exactly `bytes` for a slice of one digit. */
function planOfBytes(bytes: number): Plan {
  const padded = (comment: string): Plan => {
    const plan = aPlan();
    const [key, ...others] = plan.mapping.columns;
    const columns = [{ ...(key as NonNullable<typeof key>), comment }, ...others];
    return { ...plan, mapping: { ...plan.mapping, columns } };
  };
  const bare = Buffer.byteLength(
    JSON.stringify({ v: 1, sync: 'customer_profiles', planId: randomUUID(), slice: 0, of: 0, plan: 0 }),
  );
  const empty = Buffer.byteLength(
    JSON.stringify(padded(''), (_, value) => (typeof value === 'bigint' ? String(value) : value)),
  );
  return padded('x'.repeat(bytes - bare - empty + 1));
}

interface Received {
  readonly body: string;
  readonly receiptHandle: string;
  readonly attempt: number;
}

interface Harness {
  readonly queue: ChunkQueue;
  /** Everything that is visible now; it is in flight afterwards. */
  receiveAll(): Promise<Received[]>;
  /** As in the double's quirks. */
  readonly hidesByOldReceipt: boolean;
  close(): void;
}

async function sqsHarness(): Promise<Harness> {
  const receiver = clientOf();
  const queueUrl = await createQueue(receiver);
  const queue = openSqsChunkQueue({ region: REGION, queueUrl, endpoint: sqs.endpoint, credentials });
  return {
    queue,
    receiveAll: async () =>
      (await receiveAll(receiver, queueUrl)).map(({ Body = '', ReceiptHandle = '', Attributes }) => ({
        body: Body,
        receiptHandle: ReceiptHandle,
        attempt: Number(Attributes?.ApproximateReceiveCount),
      })),
    hidesByOldReceipt: QUIRKS.hidesByOldReceipt,
    close: () => {
      queue.close();
      receiver.destroy();
    },
  };
}

async function memoryHarness(): Promise<Harness> {
  const queue = new MemoryQueue();
  return {
    queue,
    receiveAll: async () => {
      const all: Received[] = [];
      for (let next = queue.receive(); next !== undefined; next = queue.receive()) all.push(next);
      return all;
    },
    hidesByOldReceipt: false,
    close: () => queue.close(),
  };
}

describe.each([
  { name: `SQS (${AWS_DOUBLE})`, start: sqsHarness },
  { name: 'memory', start: memoryHarness },
])('a chunk queue in $name', ({ start }) => {
  it('carries each chunk as one message that says everything', async () => {
    const { queue, receiveAll, close } = await start();
    const plan = aPlan({ slices: 23 });
    await queue.send(chunksOf(plan), never);
    const received = (await receiveAll()).map(({ body }) => decodeMessage(body));
    expect(received.toSorted((a, b) => a.slice - b.slice)).toStrictEqual(chunksOf(plan));
    close();
  });

  it('sends nothing when there are no chunks', async () => {
    const { queue, receiveAll, close } = await start();
    await queue.send([], never);
    expect(await receiveAll()).toEqual([]);
    close();
  });

  it('sends messages that together are larger than one batch may be', async () => {
    const { queue, receiveAll, close } = await start();
    const plan = planOfBytes(400 * 1024);
    await queue.send(chunksOf(plan, 5), never);
    expect(await receiveAll()).toHaveLength(5);
    close();
  });

  it('sends a message of exactly 1 MiB', async () => {
    const { queue, receiveAll, close } = await start();
    await queue.send(chunksOf(planOfBytes(MAX_MESSAGE_BYTES), 1), never);
    expect((await receiveAll()).map(({ body }) => Buffer.byteLength(body))).toEqual([MAX_MESSAGE_BYTES]);
    close();
  });

  it('names the setting when a message is a byte larger than 1 MiB, and sends nothing', async () => {
    const { queue, receiveAll, close } = await start();
    const error = await failureOf(queue.send(chunksOf(planOfBytes(MAX_MESSAGE_BYTES + 1)), never));
    expect(error.kind).toBe('config_invalid');
    expect(error.message).toContain('syncs.customer_profiles.columns');
    expect(error.message).toContain('1048577 bytes');
    expect(await receiveAll()).toEqual([]);
    close();
  });

  it('makes a returned message visible again at once after 0 seconds, and counts the attempt', async () => {
    const { queue, receiveAll, close } = await start();
    await queue.send(chunksOf(aPlan(), 1), never);
    const [first] = await receiveAll();
    expect(first?.attempt).toBe(1);
    expect(await receiveAll()).toEqual([]);
    await queue.returnAfter(first?.receiptHandle ?? '', 0, never);
    expect(await receiveAll()).toMatchObject([{ attempt: 2, body: first?.body }]);
    close();
  });

  it('keeps a returned message hidden until its time', async () => {
    const { queue, receiveAll, close } = await start();
    await queue.send(chunksOf(aPlan(), 1), never);
    const [first] = await receiveAll();
    await queue.returnAfter(first?.receiptHandle ?? '', MAX_RETURN_SECONDS, never);
    expect(await receiveAll()).toEqual([]);
    close();
  });

  it('takes the return of a message that is visible again as done', async () => {
    const { queue, receiveAll, close, hidesByOldReceipt } = await start();
    await queue.send(chunksOf(aPlan(), 1), never);
    const [first] = await receiveAll();
    await queue.returnAfter(first?.receiptHandle ?? '', 0, never);
    await queue.returnAfter(first?.receiptHandle ?? '', MAX_RETURN_SECONDS, never);
    expect(await receiveAll()).toHaveLength(hidesByOldReceipt ? 0 : 1);
    close();
  });

  it.each([-1, 0.5, MAX_RETURN_SECONDS + 1, Number.NaN])(
    'refuses to return a message after %d seconds',
    async (seconds) => {
      const { queue, close } = await start();
      expect((await failureOf(queue.returnAfter('handle', seconds, never))).kind).toBe('internal');
      close();
    },
  );

  it('does nothing under a signal that has aborted', async () => {
    const { queue, receiveAll, close } = await start();
    await queue.send(chunksOf(aPlan(), 1), never);
    const [first] = await receiveAll();
    const aborted = AbortSignal.abort();
    expect((await failureOf(queue.send(chunksOf(aPlan()), aborted))).kind).toBe('cancelled');
    const returned = queue.returnAfter(first?.receiptHandle ?? '', 0, aborted);
    expect((await failureOf(returned)).kind).toBe('cancelled');
    expect(await receiveAll()).toEqual([]);
    close();
  });
});

describe('the SQS chunk queue', () => {
  it('sends ten messages a request', async () => {
    const scripted = await startScriptedServer((body) => accepting(body));
    const queue = new SqsChunkQueue(
      clientOf({ endpoint: scripted.endpoint }),
      scriptedUrl(scripted.endpoint),
      [],
    );
    await queue.send(chunksOf(aPlan({ slices: 23 })), never);
    expect(scripted.requests.map((body) => entriesOf(body).length)).toEqual([10, 10, 3]);
    queue.close();
    await scripted.close();
  });

  // Looked at in the request: fauxqs forgets the group of a message that came in a batch.
  it('puts each message into the group of its sync', async () => {
    const scripted = await startScriptedServer((body) => accepting(body));
    const queue = new SqsChunkQueue(
      clientOf({ endpoint: scripted.endpoint }),
      scriptedUrl(scripted.endpoint),
      [],
    );
    const syncs = ['orders', 'items'];
    await queue.send(
      syncs.flatMap((sync) => chunksOf(aPlan({ sync }), 1)),
      never,
    );
    const groups = scripted.requests.flatMap((body) =>
      entriesOf(body).map(({ MessageGroupId }) => MessageGroupId),
    );
    expect(groups).toEqual(syncs);
    queue.close();
    await scripted.close();
  });

  it('loses no chunk when an answer is lost', async () => {
    const receiver = clientOf();
    const queueUrl = await createQueue(receiver);
    const client = clientOf();
    const lost = loseAnswers(client, 1);
    const queue = new SqsChunkQueue(client, queueUrl, []);
    const plan = aPlan({ slices: 12 });
    await queue.send(chunksOf(plan), never);
    expect(lost()).toBe(1);
    const received = await receiveAll(receiver, queueUrl);
    const slices = received.map(({ Body = '' }) => decodeMessage(Body).slice);
    expect(new Set(slices)).toEqual(new Set(chunksOf(plan).map(({ slice }) => slice)));
    receiver.destroy();
    queue.close();
  });

  it('sends again only what SQS reports as failed', async () => {
    const scripted = await startScriptedServer((body) =>
      scripted.requests.length === 1 ? failing(body, ['1', '2'], 'InternalError', false) : accepting(body),
    );
    const queue = new SqsChunkQueue(
      clientOf({ endpoint: scripted.endpoint }),
      scriptedUrl(scripted.endpoint),
      [0, 0],
    );
    await queue.send(chunksOf(aPlan({ slices: 4 })), never);
    expect(scripted.requests.map((body) => slicesOf(body))).toEqual([
      [0, 1, 2, 3],
      [1, 2],
    ]);
    queue.close();
    await scripted.close();
  });

  it('gives up after a bounded number of times and says how many messages were not sent', async () => {
    const scripted = await startScriptedServer((body) =>
      failing(
        body,
        entriesOf(body)
          .map(({ Id }) => Id)
          .slice(-2),
        'InternalError',
        false,
      ),
    );
    const queue = new SqsChunkQueue(
      clientOf({ endpoint: scripted.endpoint }),
      scriptedUrl(scripted.endpoint),
      [0, 0],
    );
    const error = await failureOf(queue.send(chunksOf(aPlan({ slices: 4 })), never));
    expect(error.kind).toBe('queue_unavailable');
    expect(error.message).toContain('did not take 2 of 4 messages');
    expect(error.fields).toMatchObject({ failed: 2, code: 'InternalError', sync: 'customer_profiles' });
    expect(scripted.requests).toHaveLength(3);
    queue.close();
    await scripted.close();
  });

  it('does not repeat what SQS says is our fault', async () => {
    const scripted = await startScriptedServer((body) =>
      failing(body, ['3'], 'InvalidMessageContents', true),
    );
    const queue = new SqsChunkQueue(
      clientOf({ endpoint: scripted.endpoint }),
      scriptedUrl(scripted.endpoint),
      [0, 0],
    );
    const error = await failureOf(queue.send(chunksOf(aPlan({ slices: 4 })), never));
    expect(error.kind).toBe('queue_unavailable');
    expect(error.message).toContain('refused 1 of 4 messages');
    expect(scripted.requests).toHaveLength(1);
    queue.close();
    await scripted.close();
  });

  it('names the queue when it does not exist', async () => {
    const queueUrl = `${sqs.endpoint}/000000000000/no-such-queue`;
    const queue = openSqsChunkQueue({ region: REGION, queueUrl, endpoint: sqs.endpoint, credentials });
    const error = await failureOf(queue.send(chunksOf(aPlan()), never));
    expect(error.kind).toBe('queue_unavailable');
    expect(error.message).toContain(`${queueUrl} does not exist`);
    expect(error.fields).toMatchObject({ sync: 'customer_profiles' });
    queue.close();
  });

  it('says that SQS could not be reached when nobody listens', async () => {
    const dead = await deadEndpoint();
    const queue = openSqsChunkQueue({
      region: REGION,
      queueUrl: scriptedUrl(dead),
      endpoint: dead,
      credentials,
    });
    const error = await failureOf(queue.send(chunksOf(aPlan()), never));
    expect(error.kind).toBe('queue_unavailable');
    expect(error.message).toContain('could not be reached');
    expect(error.fields).toMatchObject({ code: 'ECONNREFUSED' });
    queue.close();
  });

  it.each([
    ['AccessDeniedException', 403, 'sqs:SendMessage and sqs:ChangeMessageVisibility'],
    ['UnrecognizedClientException', 403, 'does not accept the credentials'],
    ['RequestThrottled', 403, 'throttles'],
    ['InternalFailure', 500, 'SQS failed'],
    ['ReceiptHandleIsInvalid', 400, 'SQS refused a call'],
    ['InvalidParameterValue', 400, 'SQS refused a call'],
  ])('tells %s apart from other failures', async (code, status, sentence) => {
    const scripted = await startScriptedServer(() => ({
      status,
      body: JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message: 'arn:aws:iam::1:user/x may not' }),
    }));
    const client = clientOf({ endpoint: scripted.endpoint, maxAttempts: 1 });
    const queue = new SqsChunkQueue(client, scriptedUrl(scripted.endpoint), []);
    const error = await failureOf(queue.returnAfter('handle', 5, never));
    expect(error.kind).toBe('queue_unavailable');
    expect(error.message).toContain(sentence);
    expect(error.message).not.toContain('arn:');
    expect(error.fields).toMatchObject({ code, httpStatus: status });
    queue.close();
    await scripted.close();
  });

  it.each([
    ['MessageNotInflight', 'The message is not in flight.'],
    [
      'InvalidParameterValue',
      'Value AQEB for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for visibility timeout change.',
    ],
  ])('takes the return of a message that SQS knows no more as done (%s)', async (code, message) => {
    const scripted = await startScriptedServer(() => ({
      status: 400,
      body: JSON.stringify({ __type: `com.amazonaws.sqs#${code}`, message }),
    }));
    const client = clientOf({ endpoint: scripted.endpoint });
    const queue = new SqsChunkQueue(client, scriptedUrl(scripted.endpoint), []);
    await queue.returnAfter('handle', 5, never);
    expect(scripted.requests).toHaveLength(1);
    queue.close();
    await scripted.close();
  });

  it('ends a call that is under way when the signal aborts', async () => {
    const scripted = await startScriptedServer(() => 'hold');
    const queue = new SqsChunkQueue(
      clientOf({ endpoint: scripted.endpoint }),
      scriptedUrl(scripted.endpoint),
      [],
    );
    const controller = new AbortController();
    const underWay = scripted.nextRequest();
    const call = failureOf(queue.send(chunksOf(aPlan()), controller.signal));
    await underWay;
    controller.abort();
    expect((await call).kind).toBe('cancelled');
    queue.close();
    await scripted.close();
  });

  it('ends the wait before a message is sent again when the signal aborts', async () => {
    const scripted = await startScriptedServer((body) => failing(body, ['0'], 'InternalError', false));
    const controller = new AbortController();
    const client = clientOf({ endpoint: scripted.endpoint });
    client.middlewareStack.add(
      (next) => async (args) => {
        const answered = await next(args);
        setImmediate(() => controller.abort());
        return answered;
      },
      { step: 'initialize', priority: 'high' },
    );
    const queue = new SqsChunkQueue(client, scriptedUrl(scripted.endpoint), [3_600_000]);
    expect((await failureOf(queue.send(chunksOf(aPlan()), controller.signal))).kind).toBe('cancelled');
    queue.close();
    await scripted.close();
  });
});

interface SentEntry {
  readonly Id: string;
  readonly MessageBody: string;
  readonly MessageGroupId: string;
}

function scriptedUrl(at: string): string {
  return `${at}/000000000000/chunks`;
}

function entriesOf(body: string): readonly SentEntry[] {
  return JSON.parse(body).Entries;
}

function slicesOf(body: string): number[] {
  return entriesOf(body).map(({ MessageBody }) => decodeMessage(MessageBody).slice);
}

function accepting(body: string): ScriptedAnswer {
  return failing(body, [], '', false);
}

function failing(body: string, ids: readonly string[], code: string, senderFault: boolean): ScriptedAnswer {
  const failed = new Set(ids);
  const Successful = entriesOf(body)
    .filter(({ Id }) => !failed.has(Id))
    .map(({ Id, MessageBody }) => ({
      Id,
      MessageId: randomUUID(),
      MD5OfMessageBody: createHash('md5').update(MessageBody).digest('hex'),
    }));
  const Failed = ids.map((Id) => ({ Id, Code: code, SenderFault: senderFault }));
  return { status: 200, body: JSON.stringify({ Successful, Failed }) };
}
