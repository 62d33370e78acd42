import { injectLambdaContext } from '@aws-lambda-powertools/logger/middleware';
import middy from '@middy/core';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { asSyncError } from '../src/error/sync-error.ts';
import { decodeMessage } from '../src/plan/codec.ts';
import type { ChunkQueue } from '../src/queue/queue.ts';
import { applyChunk } from '../src/sync/apply-chunk.ts';
import { attempt } from '../src/sync/attempt.ts';
import { handleChunkFailure, handleHeldChunk } from '../src/sync/chunk-failure.ts';
import type { Services } from '../src/sync/services.ts';
import { environmentQueue, environmentRuntime, logger, type Runtime, stopsEarly } from './runtime.ts';

/** For noting a failure and giving its message back. */
const CLEAN_UP_MS = 6_000;
/** For giving the message back alone, where the failure could not be noted. */
const GIVE_BACK_MS = 3_000;
/** Lambda freezes the sandbox at its timeout, whatever is under way. */
const MARGIN_MS = 1_000;
/** How long before that the work stops. */
export const WRITER_EARLY_MS = CLEAN_UP_MS + GIVE_BACK_MS + MARGIN_MS;
/**
 * When a message comes again that could not be read, or whose failure could not be noted: doubled each time, so that
 * it takes 15 minutes to the dead-letter queue.
 */
const [UNHANDLED_SECONDS, MAX_UNHANDLED_SECONDS] = [60, 900];
/** Receives of one message before SQS gives it to the dead-letter queue; infra/ sets the same. */
export const MAX_RECEIVES = 5;

/**
 * Applies the chunks of an SQS event, one after the other. Names the messages that are to come again. Throws where it
 * has no services: that counts as an error of the function.
 */
export function writerHandler(runtime: () => Promise<Runtime>, openQueue = environmentQueue) {
  return middy<SQSEvent, SQSBatchResponse>(stopsEarly(WRITER_EARLY_MS))
    .use(injectLambdaContext(logger))
    .handler(async (event, context, { signal }) => {
      const time: Time = { signal, leftMs: () => context.getRemainingTimeInMillis() - MARGIN_MS };
      const { services } = await runtime().catch(async (thrown: unknown) => {
        const queue = openQueue();
        await Promise.all(event.Records.map((record) => giveBack(queue, record, time)));
        queue.close();
        throw thrown;
      });
      const batchItemFailures: { itemIdentifier: string }[] = [];
      for (const record of event.Records) {
        if (!(await isDone(services, record, time))) {
          batchItemFailures.push({ itemIdentifier: record.messageId });
        }
      }
      return { batchItemFailures };
    });
}

interface Time {
  /** Aborts when the work must stop. */
  readonly signal: AbortSignal;
  /** Until everything must have ended. */
  leftMs(): number;
}

/** Aborts after `ms`, or sooner: `reserveMs` before everything must have ended. */
function abortsAfter(ms: number, time: Time, reserveMs = 0): AbortSignal {
  return AbortSignal.timeout(Math.max(0, Math.min(ms, time.leftMs() - reserveMs)));
}

/** Whether the message is done with. Never throws: one message must not fail the others of its batch. */
async function isDone(services: Services, record: SQSRecord, time: Time): Promise<boolean> {
  try {
    return await applyRecord(services, record, time);
  } catch (thrown) {
    const { fields, kind, message } = asSyncError(thrown);
    services.log.error('message not handled', {
      ...fields,
      messageId: record.messageId,
      kind,
      reason: message,
    });
    await giveBack(services.queue, record, time);
    return false;
  }
}

/** The queue's own visibility timeout is for writers that died: it would keep the message from everybody for long. */
async function giveBack(queue: ChunkQueue, record: SQSRecord, time: Time): Promise<void> {
  const seconds = Math.min(UNHANDLED_SECONDS * 2 ** (receivesOf(record) - 1), MAX_UNHANDLED_SECONDS);
  await queue.returnAfter(record.receiptHandle, seconds, abortsAfter(GIVE_BACK_MS, time)).catch(() => {});
}

/** From 1. */
function receivesOf({ attributes }: SQSRecord): number {
  return Number(attributes.ApproximateReceiveCount);
}

/** Throws what it cannot note and give back by itself. */
async function applyRecord(services: Services, record: SQSRecord, time: Time): Promise<boolean> {
  const chunk = decodeMessage(record.body);
  const { value: applied, error } = await attempt(() => applyChunk(services, chunk, time.signal));
  if (applied && applied.outcome !== 'in_progress') return true;
  // A signal of its own: running out of time may be the failure.
  const cleanUp = abortsAfter(CLEAN_UP_MS, time, GIVE_BACK_MS);
  const receives = receivesOf(record);
  const delivery = {
    attempt: receives,
    lastAttempt: receives >= MAX_RECEIVES,
    outOfTime: time.signal.aborted,
  };
  const { plan, slice } = chunk;
  const place = { sync: plan.sync, planId: plan.id, slice };
  const next = error
    ? await handleChunkFailure(services, chunk, asSyncError(error, place), delivery, cleanUp)
    : handleHeldChunk(chunk, delivery);
  if (next.outcome === 'acknowledge') return true;
  await services.queue.returnAfter(record.receiptHandle, next.seconds, cleanUp);
  return false;
}

export const handler = writerHandler(environmentRuntime);
