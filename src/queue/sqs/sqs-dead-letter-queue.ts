import { setTimeout as wait } from 'node:timers/promises';
import {
  type BatchResultErrorEntry,
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  type ListMessageMoveTasksResultEntry,
  ReceiveMessageCommand,
  type SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs';
import { SyncError } from '../../error/sync-error.ts';
import type { DeadLetter, DeadLetterQueue, MoveProgress, Receipt } from '../queue.ts';
import { openSqsClient, type SqsAccess } from './access.ts';
import { type NamedQueue, queueError } from './errors.ts';

/** Of ReceiveMessage and of the batch actions. */
const MAX_ENTRIES = 10;
const RIGHTS =
  'sqs:GetQueueAttributes, sqs:ReceiveMessage, sqs:ChangeMessageVisibility, sqs:DeleteMessage, sqs:StartMessageMoveTask and sqs:ListMessageMoveTasks';

export interface SqsDeadLetterQueueOptions extends SqsAccess {
  readonly queueUrl: string;
  /** Where the messages came from. */
  readonly chunkQueueUrl: string;
}

/** Looks at a move that is over, for its counts: they may lag behind its status for some seconds. */
const MAX_LOOKS_AT_COUNTS = 30;

/** What a test makes shorter. */
export interface DeadLetterTimes {
  /** How long a receive waits for a message; with 0, SQS asks a part of its servers only. */
  readonly receiveSeconds: number;
  /** Between two looks at a move. */
  readonly pollMs: number;
}

const TIMES: DeadLetterTimes = { receiveSeconds: 1, pollMs: 1_000 };

export function openSqsDeadLetterQueue(options: SqsDeadLetterQueueOptions): DeadLetterQueue {
  return new SqsDeadLetterQueue(openSqsClient(options), options, TIMES);
}

/** The dead-letter queue of a standard SQS queue. */
export class SqsDeadLetterQueue implements DeadLetterQueue {
  readonly #client: SQSClient;
  readonly #queue: NamedQueue;
  readonly #chunkQueueUrl: string;
  readonly #times: DeadLetterTimes;

  /** The queue owns the client: `close` destroys it. */
  constructor(
    client: SQSClient,
    { queueUrl, chunkQueueUrl }: Pick<SqsDeadLetterQueueOptions, 'queueUrl' | 'chunkQueueUrl'>,
    times: DeadLetterTimes,
  ) {
    this.#client = client;
    this.#queue = { role: 'dead-letter queue', url: queueUrl, rights: RIGHTS };
    this.#chunkQueueUrl = chunkQueueUrl;
    this.#times = times;
  }

  async readCount(signal: AbortSignal): Promise<number> {
    return Number(await this.#attribute(this.#queue.url, 'ApproximateNumberOfMessages', signal));
  }

  async receive(hideSeconds: number, signal: AbortSignal): Promise<readonly DeadLetter[]> {
    const command = new ReceiveMessageCommand({
      QueueUrl: this.#queue.url,
      MaxNumberOfMessages: MAX_ENTRIES,
      WaitTimeSeconds: this.#times.receiveSeconds,
      VisibilityTimeout: hideSeconds,
    });
    const { Messages = [] } = await this.#call(signal, () =>
      this.#client.send(command, { abortSignal: signal }),
    );
    return Messages.map(({ MessageId = '', ReceiptHandle = '', Body = '' }) => ({
      messageId: MessageId,
      receiptHandle: ReceiptHandle,
      body: Body,
    }));
  }

  async putBack(receipts: readonly Receipt[], signal: AbortSignal): Promise<void> {
    for (const entries of entriesOf(receipts)) {
      const command = new ChangeMessageVisibilityBatchCommand({
        QueueUrl: this.#queue.url,
        Entries: entries.map((entry) => ({ ...entry, VisibilityTimeout: 0 })),
      });
      // An entry that fails is visible again already, or will be when its time is up.
      await this.#call(signal, () => this.#client.send(command, { abortSignal: signal }));
    }
  }

  async remove(receipts: readonly Receipt[], signal: AbortSignal): Promise<void> {
    for (const entries of entriesOf(receipts)) {
      const command = new DeleteMessageBatchCommand({ QueueUrl: this.#queue.url, Entries: entries });
      const { Failed = [] } = await this.#call(signal, () =>
        this.#client.send(command, { abortSignal: signal }),
      );
      if (Failed.length > 0) throw this.#notRemoved(Failed, entries.length);
    }
  }

  async moveAll(onProgress: (progress: MoveProgress) => void, signal: AbortSignal): Promise<MoveProgress> {
    const from = await this.#attribute(this.#queue.url, 'QueueArn', signal);
    const before = await this.#newestMove(from, signal);
    const joined = isUnderWay(before);
    if (!joined) await this.#startMove(from, signal);
    for (let looksAtCounts = 0; ; ) {
      const move = await this.#newestMove(from, signal);
      // The list may lag behind the start.
      const isOurs = joined || move?.StartedTimestamp !== before?.StartedTimestamp;
      if (move !== undefined && isOurs) {
        const progress = progressOf(move);
        onProgress(progress);
        if (move.Status === 'COMPLETED') {
          looksAtCounts += 1;
          if (progress.moved >= progress.total || looksAtCounts >= MAX_LOOKS_AT_COUNTS) return progress;
        } else if (!isUnderWay(move)) throw this.#notMoved(move, progress);
      }
      await this.#call(signal, () => wait(this.#times.pollMs, undefined, { signal }));
    }
  }

  close(): void {
    this.#client.destroy();
  }

  /** SQS refuses a second move at a time: another's, or its own whose answer was lost and which the SDK starts again. */
  async #startMove(from: string, signal: AbortSignal): Promise<void> {
    const command = new StartMessageMoveTaskCommand({
      SourceArn: from,
      DestinationArn: await this.#attribute(this.#chunkQueueUrl, 'QueueArn', signal),
    });
    await this.#call(signal, async () => {
      try {
        await this.#client.send(command, { abortSignal: signal });
      } catch (thrown) {
        if (!isUnderWay(await this.#newestMove(from, signal))) throw thrown;
      }
    });
  }

  async #newestMove(from: string, signal: AbortSignal): Promise<ListMessageMoveTasksResultEntry | undefined> {
    const command = new ListMessageMoveTasksCommand({ SourceArn: from, MaxResults: 1 });
    const { Results } = await this.#call(signal, () => this.#client.send(command, { abortSignal: signal }));
    return Results?.[0];
  }

  async #attribute(
    url: string,
    name: 'QueueArn' | 'ApproximateNumberOfMessages',
    signal: AbortSignal,
  ): Promise<string> {
    const command = new GetQueueAttributesCommand({ QueueUrl: url, AttributeNames: [name] });
    const { Attributes } = await this.#call(signal, () =>
      this.#client.send(command, { abortSignal: signal }),
    );
    return Attributes?.[name] ?? '';
  }

  async #call<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (thrown) {
      throw queueError(thrown, this.#queue, {}, signal);
    }
  }

  #notRemoved(failed: readonly BatchResultErrorEntry[], of: number): SyncError {
    const code = failed[0]?.Code ?? 'unknown';
    return new SyncError(
      'queue_unavailable',
      `SQS did not remove ${failed.length} of ${of} messages from the dead-letter queue ${this.#queue.url} (${code}): they are in the chunk queue, too, which does no harm.`,
      { code, failed: failed.length },
    );
  }

  #notMoved(move: ListMessageMoveTasksResultEntry, { moved, total }: MoveProgress): SyncError {
    const status = move.Status ?? 'unknown';
    return new SyncError(
      'queue_unavailable',
      `SQS ended the move out of the dead-letter queue ${this.#queue.url} as ${status}, after ${moved} of ${total} messages; the others lie there still.`,
      { status, ...(move.FailureReason === undefined ? {} : { reason: move.FailureReason }) },
    );
  }
}

function isUnderWay(move: ListMessageMoveTasksResultEntry | undefined): boolean {
  return move?.Status === 'RUNNING' || move?.Status === 'CANCELLING';
}

/** A task that has moved nothing yet may not know how much there is to move. */
function progressOf(move: ListMessageMoveTasksResultEntry): MoveProgress {
  const moved = move.ApproximateNumberOfMessagesMoved ?? 0;
  return { moved, total: Math.max(moved, move.ApproximateNumberOfMessagesToMove ?? 0) };
}

function* entriesOf(receipts: readonly Receipt[]): Generator<{ Id: string; ReceiptHandle: string }[]> {
  for (let at = 0; at < receipts.length; at += MAX_ENTRIES) {
    yield receipts
      .slice(at, at + MAX_ENTRIES)
      .map(({ receiptHandle }, index) => ({ Id: String(index), ReceiptHandle: receiptHandle }));
  }
}
