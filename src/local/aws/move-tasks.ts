import { randomUUID } from 'node:crypto';
import type { FauxqsInternals, FauxqsQueue, FauxqsSqsStore } from './fauxqs-internals.ts';

/** What StartMessageMoveTask and ListMessageMoveTasks take, as far as it is used here. */
export interface MoveTaskRequest {
  readonly SourceArn?: string;
  readonly DestinationArn?: string;
  readonly MaxResults?: number;
}

export interface MoveTaskAnswer {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

interface MoveTask {
  readonly Status: 'COMPLETED';
  readonly SourceArn: string;
  readonly DestinationArn?: string;
  readonly ApproximateNumberOfMessagesMoved: number;
  readonly ApproximateNumberOfMessagesToMove: number;
  readonly StartedTimestamp: number;
}

/**
 * The two redrive actions of SQS that fauxqs 2.4.1 lacks. As in SQS, a moved message is a new one: new id, receive
 * count from 0. Unlike there, a task is over when its call returns.
 */
export class MoveTasks {
  readonly #store: FauxqsSqsStore;
  readonly #createMessage: FauxqsInternals['SqsStore']['createMessage'];
  readonly #tasks: MoveTask[] = [];

  constructor(store: FauxqsSqsStore, createMessage: FauxqsInternals['SqsStore']['createMessage']) {
    this.#store = store;
    this.#createMessage = createMessage;
  }

  /** Undefined where the action is another one. */
  answer(action: string, request: MoveTaskRequest): MoveTaskAnswer | undefined {
    if (action === 'StartMessageMoveTask') return this.#start(request);
    if (action === 'ListMessageMoveTasks') return this.#list(request);
    return undefined;
  }

  #start({ SourceArn = '', DestinationArn }: MoveTaskRequest): MoveTaskAnswer {
    const from = this.#store.getQueueByArn(SourceArn);
    if (from === undefined) return failure('ResourceNotFoundException', 'The source queue does not exist.');
    const feeders = [...this.#store.allQueues()].filter((queue) => deadLetterArnOf(queue) === from.arn);
    if (feeders.length === 0) {
      return failure('InvalidParameterValue', 'The source queue is not the dead-letter queue of any queue.');
    }
    const to = DestinationArn === undefined ? feeders[0] : this.#store.getQueueByArn(DestinationArn);
    if (to === undefined)
      return failure('ResourceNotFoundException', 'The destination queue does not exist.');
    if (DestinationArn === undefined && feeders.length > 1) {
      return failure(
        'InvalidParameterValue',
        'Several queues share this dead-letter queue: name the destination.',
      );
    }
    // Two tasks of one millisecond could not be told apart.
    const startedAt = Math.max(Date.now(), (this.#tasks[0]?.StartedTimestamp ?? 0) + 1);
    const moved = this.#move(from, to);
    this.#tasks.unshift({
      Status: 'COMPLETED',
      SourceArn,
      ...(DestinationArn === undefined ? {} : { DestinationArn }),
      ApproximateNumberOfMessagesMoved: moved,
      ApproximateNumberOfMessagesToMove: moved,
      StartedTimestamp: startedAt,
    });
    return { status: 200, body: { TaskHandle: randomUUID() } };
  }

  #move(from: FauxqsQueue, to: FauxqsQueue): number {
    for (let moved = 0; ; ) {
      const batch = from.dequeue(10, 30);
      if (batch.length === 0) return moved;
      for (const { Body, MessageAttributes = {}, ReceiptHandle } of batch) {
        to.enqueue(this.#createMessage(Body, MessageAttributes));
        from.deleteMessage(ReceiptHandle);
        moved += 1;
      }
    }
  }

  #list({ SourceArn = '', MaxResults = 1 }: MoveTaskRequest): MoveTaskAnswer {
    if (this.#store.getQueueByArn(SourceArn) === undefined) {
      return failure('ResourceNotFoundException', 'The source queue does not exist.');
    }
    const tasks = this.#tasks.filter((task) => task.SourceArn === SourceArn);
    return { status: 200, body: { Results: tasks.slice(0, MaxResults) } };
  }
}

function deadLetterArnOf(queue: FauxqsQueue): string | undefined {
  const policy = queue.attributes['RedrivePolicy'];
  if (policy === undefined) return undefined;
  return (JSON.parse(policy) as { deadLetterTargetArn?: string }).deadLetterTargetArn;
}

function failure(name: string, message: string): MoveTaskAnswer {
  return { status: 400, body: { __type: `com.amazonaws.sqs#${name}`, message } };
}
