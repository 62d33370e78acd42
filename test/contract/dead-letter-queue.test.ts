import { randomUUID } from 'node:crypto';
import {
  CreateQueueCommand,
  type ListMessageMoveTasksResultEntry,
  SendMessageBatchCommand,
  SQSClient,
  type SQSClientConfig,
} from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalService } from '../../src/local/aws/sqs.ts';
import type { DeadLetter } from '../../src/queue/queue.ts';
import { SqsDeadLetterQueue } from '../../src/queue/sqs/sqs-dead-letter-queue.ts';
import { AWS_DOUBLE, startSuiteSqs } from '../doubles/aws/services.ts';
import { errorOf } from '../support/control.ts';
import { type ScriptedAnswer, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';

const REGION = 'us-east-1';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const never = new AbortController().signal;
const AT_ONCE = { receiveSeconds: 0, pollMs: 0 };

const clientOf = (config: SQSClientConfig) => new SQSClient({ region: REGION, credentials, ...config });

describe(`a dead-letter queue in SQS (${AWS_DOUBLE})`, () => {
  let sqs: LocalService;
  beforeAll(async () => {
    sqs = await startSuiteSqs(REGION);
  });
  afterAll(() => sqs.close());

  async function queueOf(...bodies: readonly string[]): Promise<SqsDeadLetterQueue> {
    const client = clientOf({ endpoint: sqs.endpoint });
    const { QueueUrl: queueUrl = '' } = await client.send(
      new CreateQueueCommand({ QueueName: `dead-${randomUUID()}` }),
    );
    for (let at = 0; at < bodies.length; at += 10) {
      const Entries = bodies.slice(at, at + 10).map((MessageBody, id) => ({ Id: String(id), MessageBody }));
      await client.send(new SendMessageBatchCommand({ QueueUrl: queueUrl, Entries }));
    }
    return new SqsDeadLetterQueue(client, { queueUrl, chunkQueueUrl: queueUrl }, AT_ONCE);
  }

  async function receiveAll(queue: SqsDeadLetterQueue): Promise<DeadLetter[]> {
    const all: DeadLetter[] = [];
    for (;;) {
      const letters = await queue.receive(600, never);
      if (letters.length === 0) return all;
      all.push(...letters);
    }
  }

  const many = Array.from({ length: 23 }, (_, n) => `letter ${n}`);
  const bodiesOf = (letters: readonly DeadLetter[]) => letters.map(({ body }) => body).toSorted();

  it('hides what was received, and shows it again when it is put back, under the same id', async () => {
    const queue = await queueOf(...many);
    expect(await queue.readCount(never)).toBe(23);
    const first = await receiveAll(queue);
    expect(bodiesOf(first)).toEqual(many.toSorted());
    expect(await queue.receive(600, never)).toEqual([]);
    await queue.putBack(first, never);
    const second = await receiveAll(queue);
    const ids = (letters: readonly DeadLetter[]) => new Set(letters.map(({ messageId }) => messageId));
    expect(ids(second)).toEqual(ids(first));
    queue.close();
  });

  it('removes what it is told, and nothing else', async () => {
    const queue = await queueOf(...many);
    const [kept, ...removed] = await receiveAll(queue);
    await queue.remove(removed, never);
    await queue.putBack(kept ? [kept] : [], never);
    expect(bodiesOf(await receiveAll(queue))).toEqual(bodiesOf(kept ? [kept] : []));
    queue.close();
  });

  it('takes what is gone as put back', async () => {
    const queue = await queueOf('gone');
    const letters = await receiveAll(queue);
    await queue.remove(letters, never);
    await queue.putBack(letters, never);
    expect(await queue.readCount(never)).toBe(0);
    queue.close();
  });
});

const STARTED: ScriptedAnswer = { status: 200, body: JSON.stringify({ TaskHandle: 'handle' }) };
/** What SQS says to a second start. */
const BUSY: ScriptedAnswer = {
  status: 400,
  body: JSON.stringify({
    __type: 'com.amazonaws.sqs#InvalidParameterValue',
    message: 'There is already a task running.',
  }),
};

/** The answers of SQS to one redrive: what it lists at each look, the oldest look first. */
function moving(looks: readonly (ListMessageMoveTasksResultEntry | undefined)[], start: ScriptedAnswer) {
  let look = 0;
  const actions: string[] = [];
  const answer = (body: string, target: string): ScriptedAnswer => {
    actions.push(target);
    const json = (value: unknown) => ({ status: 200, body: JSON.stringify(value) });
    if (target === 'GetQueueAttributes') {
      const name = JSON.parse(body).QueueUrl.split('/').at(-1);
      return json({ Attributes: { QueueArn: `arn:aws:sqs:us-east-1:1:${name}` } });
    }
    if (target === 'StartMessageMoveTask') return start;
    const task = looks[Math.min(look++, looks.length - 1)];
    return json({ Results: task === undefined ? [] : [task] });
  };
  return { answer, actions };
}

const task = (
  Status: string,
  moved: number,
  over: Partial<ListMessageMoveTasksResultEntry> = {},
): ListMessageMoveTasksResultEntry => ({
  Status,
  ApproximateNumberOfMessagesMoved: moved,
  ApproximateNumberOfMessagesToMove: 10,
  StartedTimestamp: 2,
  ...over,
});

describe('a move out of the dead-letter queue', () => {
  async function withMove<T>(
    looks: readonly (ListMessageMoveTasksResultEntry | undefined)[],
    work: (queue: SqsDeadLetterQueue, actions: readonly string[], server: ScriptedServer) => Promise<T>,
    { pollMs = 0, start = STARTED }: { readonly pollMs?: number; readonly start?: ScriptedAnswer } = {},
  ): Promise<T> {
    const { answer, actions } = moving(looks, start);
    const server = await startScriptedServer((body, { headers }) =>
      answer(body, String(headers['x-amz-target']).replace('AmazonSQS.', '')),
    );
    const queue = new SqsDeadLetterQueue(
      clientOf({ endpoint: server.endpoint, maxAttempts: 1 }),
      { queueUrl: `${server.endpoint}/1/dead`, chunkQueueUrl: `${server.endpoint}/1/chunks` },
      { receiveSeconds: 0, pollMs },
    );
    try {
      return await work(queue, actions, server);
    } finally {
      queue.close();
      await server.close();
    }
  }

  it('goes to the chunk queue, tells how far it is, and is over when SQS says so', async () => {
    const looks = [undefined, task('RUNNING', 0), task('RUNNING', 4), task('COMPLETED', 10)];
    await withMove(looks, async (queue, actions, { requests }) => {
      const seen: number[] = [];
      const done = await queue.moveAll(({ moved }) => seen.push(moved), never);
      expect(done).toEqual({ moved: 10, total: 10 });
      expect(seen).toEqual([0, 4, 10]);
      expect(JSON.parse(requests[actions.indexOf('StartMessageMoveTask')] ?? '')).toEqual({
        SourceArn: 'arn:aws:sqs:us-east-1:1:dead',
        DestinationArn: 'arn:aws:sqs:us-east-1:1:chunks',
      });
    });
  });

  it('does not take an earlier move for its own while the list lags behind', async () => {
    const earlier = task('COMPLETED', 7, { StartedTimestamp: 1 });
    await withMove([earlier, earlier, task('COMPLETED', 3)], async (queue, actions) => {
      expect(await queue.moveAll(() => {}, never)).toMatchObject({ moved: 3 });
      expect(actions.filter((action) => action === 'StartMessageMoveTask')).toHaveLength(1);
    });
  });

  it('is joined where one is under way: SQS has one at a time', async () => {
    await withMove([task('RUNNING', 1), task('COMPLETED', 10)], async (queue, actions) => {
      expect(await queue.moveAll(() => {}, never)).toMatchObject({ moved: 10 });
      expect(actions).not.toContain('StartMessageMoveTask');
    });
  });

  it('is joined where another began between the look and the start', async () => {
    const looks = [undefined, task('RUNNING', 1), task('COMPLETED', 10)];
    await withMove(
      looks,
      async (queue, actions) => {
        expect(await queue.moveAll(() => {}, never)).toMatchObject({ moved: 10 });
        expect(actions).toContain('StartMessageMoveTask');
      },
      { start: BUSY },
    );
  });

  it('that does not start fails', async () => {
    const earlier = task('COMPLETED', 7, { StartedTimestamp: 1 });
    await withMove(
      [earlier],
      async (queue) => {
        expect((await errorOf(queue.moveAll(() => {}, never))).kind).toBe('queue_unavailable');
      },
      { start: BUSY },
    );
  });

  it('is waited for until its count is complete, which comes after its end', async () => {
    const looks = [undefined, task('COMPLETED', 0), task('COMPLETED', 4), task('COMPLETED', 10)];
    await withMove(looks, async (queue) => {
      expect(await queue.moveAll(() => {}, never)).toEqual({ moved: 10, total: 10 });
    });
  });

  it('is not waited for without end: a message may have gone another way', async () => {
    await withMove([undefined, task('COMPLETED', 9)], async (queue) => {
      expect(await queue.moveAll(() => {}, never)).toEqual({ moved: 9, total: 10 });
    });
  });

  it('that is being cancelled is seen to its end', async () => {
    const looks = [task('CANCELLING', 3), task('CANCELLING', 4), task('CANCELLED', 5)];
    await withMove(looks, async (queue) => {
      const error = await errorOf(queue.moveAll(() => {}, never));
      expect(error).toMatchObject({ kind: 'queue_unavailable', fields: { status: 'CANCELLED' } });
      expect(error.message).toContain('5 of 10 messages');
    });
  });

  it.each(['FAILED', 'CANCELLED'])('that SQS ends as %s says how many messages it moved', async (status) => {
    const failed = task(status, 4, { FailureReason: 'AccessDenied' });
    await withMove([undefined, failed], async (queue) => {
      const error = await errorOf(queue.moveAll(() => {}, never));
      expect(error).toMatchObject({ kind: 'queue_unavailable', fields: { status, reason: 'AccessDenied' } });
      expect(error.message).toContain('4 of 10 messages');
    });
  });

  it('is left to itself when the signal aborts', async () => {
    const looks = [undefined, task('RUNNING', 4)];
    await withMove(
      looks,
      async (queue) => {
        const controller = new AbortController();
        const moved = queue.moveAll(() => controller.abort(), controller.signal);
        expect((await errorOf(moved)).kind).toBe('cancelled');
      },
      { pollMs: 3_600_000 },
    );
  });
});

describe('a refused call to the dead-letter queue', () => {
  async function refusedBy(answer: ScriptedAnswer, call: (queue: SqsDeadLetterQueue) => Promise<unknown>) {
    const server = await startScriptedServer(() => answer);
    const queueUrl = `${server.endpoint}/1/dead`;
    const client = clientOf({ endpoint: server.endpoint, maxAttempts: 1 });
    const queue = new SqsDeadLetterQueue(client, { queueUrl, chunkQueueUrl: queueUrl }, AT_ONCE);
    try {
      return await errorOf(call(queue));
    } finally {
      queue.close();
      await server.close();
    }
  }

  it('names the queue and the rights that it needs', async () => {
    const body = JSON.stringify({ __type: 'com.amazonaws.sqs#AccessDeniedException', message: 'no' });
    const error = await refusedBy({ status: 403, body }, (queue) => queue.receive(1, never));
    expect(error.kind).toBe('queue_unavailable');
    expect(error.message).toMatch(/the dead-letter queue http.*dead: .*sqs:StartMessageMoveTask/);
  });

  it('does not pass over a message that was not removed', async () => {
    const body = JSON.stringify({ Successful: [], Failed: [{ Id: '0', Code: 'InternalError' }] });
    const error = await refusedBy({ status: 200, body }, (queue) =>
      queue.remove([{ messageId: 'm', receiptHandle: 'r' }], never),
    );
    expect(error).toMatchObject({ kind: 'queue_unavailable', fields: { failed: 1, code: 'InternalError' } });
  });
});
