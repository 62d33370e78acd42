import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { asSyncError } from '../src/error/sync-error.ts';
import { decodeMessage } from '../src/plan/codec.ts';
import { applyChunk } from '../src/sync/apply-chunk.ts';
import { handleChunkFailure } from '../src/sync/chunk-failure.ts';
import type { Services } from '../src/sync/services.ts';
import { environmentRuntime, logger, type Runtime, stopsEarly } from './runtime.ts';

/** Time to roll back, note the failure and give the message back before Lambda freezes the sandbox. */
const TIMEOUT_EARLY_MS = 10_000;
const CLEAN_UP_MS = 6_000;
/** What is left of that time where the failure could not be noted, for giving the message back alone. */
const GIVE_BACK_MS = 3_000;
/** When a message comes again that could not be read, or whose failure could not be noted. */
const UNHANDLED_SECONDS = 60;
/** Receives of one message before SQS gives it to the dead-letter queue; infra/ sets the same. */
export const MAX_RECEIVES = 5;

/** Applies the chunks of an SQS event, one after the other. Names the messages that are to come again. */
export function writerHandler(runtime: () => Promise<Runtime>) {
  return middy<SQSEvent, SQSBatchResponse>(stopsEarly(TIMEOUT_EARLY_MS))
    .use(injectLambdaContext(logger))
    .handler(async (event, _context, { signal }) => {
      const { services } = await runtime();
      const batchItemFailures: { itemIdentifier: string }[] = [];
      for (const record of event.Records) {
        if (!(await isDone(services, record, signal)))
          batchItemFailures.push({ itemIdentifier: record.messageId });
      }
      return { batchItemFailures };
    });
}

/** Whether the message is done with. Never throws: one message must not fail the others of its batch. */
async function isDone(services: Services, record: SQSRecord, signal: AbortSignal): Promise<boolean> {
  try {
    return await applyRecord(services, record, signal);
  } catch (thrown) {
    const { fields, kind, message } = asSyncError(thrown);
    services.log.error('message not handled', {
      ...fields,
      messageId: record.messageId,
      kind,
      reason: message,
    });
    // The queue's own visibility timeout is for writers that died: it would keep the message from everybody for long.
    const again = AbortSignal.timeout(GIVE_BACK_MS);
    await services.queue.returnAfter(record.receiptHandle, UNHANDLED_SECONDS, again).catch(() => {});
    return false;
  }
}

/** Throws what it cannot note and give back by itself. */
async function applyRecord(services: Services, record: SQSRecord, signal: AbortSignal): Promise<boolean> {
  const chunk = decodeMessage(record.body);
  try {
    await applyChunk(services, chunk, signal);
    return true;
  } catch (thrown) {
    const error = asSyncError(thrown, { sync: chunk.plan.sync, planId: chunk.plan.id, slice: chunk.slice });
    const attempt = Number(record.attributes.ApproximateReceiveCount);
    // A signal of its own: running out of time may be the failure.
    const cleanUp = AbortSignal.timeout(CLEAN_UP_MS);
    const delivery = { attempt, lastAttempt: attempt >= MAX_RECEIVES, outOfTime: signal.aborted };
    const failure = await handleChunkFailure(services, chunk, error, delivery, cleanUp);
    if (failure.outcome === 'acknowledge') return true;
    await services.queue.returnAfter(record.receiptHandle, failure.seconds, cleanUp);
    return false;
  }
}

export const handler = writerHandler(environmentRuntime);
