import { setTimeout as wait } from 'node:timers/promises';
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { SyncError } from '../error/sync-error.ts';
import { type Log, silentLog } from '../telemetry/log.ts';
import type { LocalAwsAccess } from './aws/aws.ts';
import { createLambdaContext } from './lambda-context.ts';

/** Rejecting, or naming the message in `batchItemFailures`, gives it back to the queue. */
export type QueueHandler = (event: SQSEvent, context: Context) => Promise<SQSBatchResponse | undefined>;

export interface PumpOptions {
  readonly aws: Pick<LocalAwsAccess, 'sqs' | 'region' | 'credentials'>;
  readonly queueUrl: string;
  readonly handler: QueueHandler;
  /** Handlers at once; 2 when absent. */
  readonly concurrency?: number;
  readonly functionName?: string;
  /** What a handler may take before it counts as failed, as Lambda's own timeout; 15 minutes when absent. */
  readonly timeoutMs?: number;
  /**
   * When a message becomes visible again after its handler failed or our process died, unless the handler itself
   * changed it; 5 when absent. While a handler runs its message stays invisible, however long.
   */
  readonly visibilityTimeoutSeconds?: number;
  /** No message is received after it aborts; what is in flight is finished. */
  readonly signal: AbortSignal;
  readonly log?: Log;
}

export interface QueuePump {
  /**
   * Resolves once the queue is empty (visible, in flight and delayed messages) and no handler runs; what went to
   * the dead-letter queue is not waited for. Rejects where the queue cannot be asked or the pump was stopped.
   */
  idle(): Promise<void>;
  /** Resolves when the pump has stopped and everything in flight is finished. */
  readonly stopped: Promise<void>;
}

/**
 * How long one receive waits. It is short and never broken off: the local SQS does not notice when a caller goes
 * away, and would hand that caller the next message. Unlike AWS, it takes fractions.
 */
const RECEIVE_WAIT_SECONDS = 0.2;
const IDLE_CHECK_MS = 50;
const RETRY_MS = 500;

/** Does what Lambda's event source for SQS does, with a batch size of 1 and `ReportBatchItemFailures`. */
export function pumpQueue(options: PumpOptions): QueuePump {
  const { aws, queueUrl, concurrency = 2, signal, log = silentLog } = options;
  const sqs = new SQSClient({ endpoint: aws.sqs, region: aws.region, credentials: aws.credentials });
  const visibilityTimeoutSeconds = options.visibilityTimeoutSeconds ?? 5;
  let running = 0;

  async function pump(): Promise<void> {
    while (!signal.aborted) {
      try {
        const message = await receive();
        if (message !== undefined) await process(message);
      } catch (error) {
        log.warn('The queue could not be read', { error: nameOf(error) });
        await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  async function receive(): Promise<Message | undefined> {
    const { Messages } = await sqs.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: 1,
        WaitTimeSeconds: RECEIVE_WAIT_SECONDS,
        VisibilityTimeout: visibilityTimeoutSeconds,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
    );
    return Messages?.[0];
  }

  async function process(message: Message): Promise<void> {
    running += 1;
    const heartbeat = keepInvisible(sqs, queueUrl, message, visibilityTimeoutSeconds);
    try {
      const succeeded = await invoke(options, message);
      await heartbeat.stop();
      if (!succeeded) return;
      await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: message.ReceiptHandle }));
    } finally {
      await heartbeat.stop();
      running -= 1;
    }
  }

  const stopped = Promise.all(Array.from({ length: concurrency }, pump)).then(() => sqs.destroy());
  return {
    stopped,
    async idle() {
      while (running > 0 || (await countMessages(sqs, queueUrl)) > 0) {
        if (signal.aborted) throw new SyncError('cancelled', 'The queue was stopped before it was empty.');
        await wait(IDLE_CHECK_MS);
      }
    },
  };
}

/** Whether the message is done with. */
async function invoke(options: PumpOptions, message: Message): Promise<boolean> {
  const { handler, functionName = 'writer', timeoutMs = 900_000, log = silentLog } = options;
  const event: SQSEvent = { Records: [toRecord(message, options)] };
  const context = createLambdaContext(functionName, timeoutMs);
  const timer = new AbortController();
  const timeout = wait(timeoutMs, 'timeout' as const, { signal: timer.signal });
  try {
    const answer = await Promise.race([handler(event, context), timeout]);
    if (answer !== 'timeout') return (answer?.batchItemFailures?.length ?? 0) === 0;
    log.error('The function ran out of time', { functionName, messageId: message.MessageId });
  } catch (error) {
    log.error('The function failed', { functionName, messageId: message.MessageId, error: nameOf(error) });
  } finally {
    timeout.catch(() => undefined);
    timer.abort();
  }
  return false;
}

/** Renews the message's visibility timeout well before it ends, until stopped. */
function keepInvisible(sqs: SQSClient, queueUrl: string, message: Message, seconds: number) {
  const stop = new AbortController();
  async function beat(): Promise<void> {
    while (!stop.signal.aborted) {
      await wait((seconds * 1000) / 3, undefined, { signal: stop.signal });
      await sqs.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: queueUrl,
          ReceiptHandle: message.ReceiptHandle,
          VisibilityTimeout: seconds,
        }),
      );
    }
  }
  const beating = beat().catch(() => undefined);
  return {
    stop() {
      stop.abort();
      return beating;
    },
  };
}

function toRecord(message: Message, { aws, queueUrl }: PumpOptions): SQSRecord {
  const [account, queue] = new URL(queueUrl).pathname.split('/').slice(1);
  return {
    messageId: message.MessageId ?? '',
    receiptHandle: message.ReceiptHandle ?? '',
    body: message.Body ?? '',
    attributes: message.Attributes as unknown as SQSRecord['attributes'],
    messageAttributes: Object.fromEntries(
      Object.entries(message.MessageAttributes ?? {}).map(([name, value]) => [
        name,
        {
          dataType: value.DataType ?? 'String',
          ...(value.StringValue === undefined ? {} : { stringValue: value.StringValue }),
          ...(value.BinaryValue === undefined
            ? {}
            : { binaryValue: Buffer.from(value.BinaryValue).toString('base64') }),
        },
      ]),
    ),
    md5OfBody: message.MD5OfBody ?? '',
    eventSource: 'aws:sqs',
    eventSourceARN: `arn:aws:sqs:${aws.region}:${account}:${queue}`,
    awsRegion: aws.region,
  };
}

async function countMessages(sqs: SQSClient, queueUrl: string): Promise<number> {
  const names = [
    'ApproximateNumberOfMessages',
    'ApproximateNumberOfMessagesNotVisible',
    'ApproximateNumberOfMessagesDelayed',
  ] as const;
  try {
    const { Attributes = {} } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queueUrl, AttributeNames: [...names] }),
    );
    return names.reduce((sum, name) => sum + Number(Attributes[name] ?? 0), 0);
  } catch (cause) {
    throw new SyncError(
      'queue_unavailable',
      'The local queue could not be asked how full it is.',
      {},
      { cause },
    );
  }
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
