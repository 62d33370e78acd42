import { randomUUID } from 'node:crypto';
import type { SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda';
import { type PlannerEvent, plannerHandler } from '../../lambdas/planner.ts';
import { writerHandler } from '../../lambdas/writer.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { createLambdaContext } from '../../src/local/lambda-context.ts';
import type { Tick } from '../../src/sync/plan-sync.ts';
import type { Services } from '../../src/sync/services.ts';

/** Lambda's own timeout of a function that is not to run out of time. */
const LONG_MS = 600_000;

export interface Functions {
  plan(event: PlannerEvent, timeoutMs?: number): Promise<Tick>;
  write(records: readonly SQSRecord[], timeoutMs?: number): Promise<SQSBatchResponse>;
}

/** The handlers that are deployed, on these services. */
export function functionsOn(services: Services, ...syncs: readonly SyncConfig[]): Functions {
  const config = {
    connections: { databricks: {}, neon: {}, aws: {} },
    syncs: new Map(syncs.map((sync) => [sync.name, sync])),
  };
  const runtime = async () => ({ config, services });
  const planner = plannerHandler(runtime);
  const writer = writerHandler(runtime);
  return {
    plan: (event, timeoutMs = LONG_MS) => planner(event, createLambdaContext('planner', timeoutMs)),
    write: (records, timeoutMs = LONG_MS) => {
      const event: SQSEvent = { Records: [...records] };
      return writer(event, createLambdaContext('writer', timeoutMs));
    },
  };
}

/** A received message as Lambda hands it to a function. */
export function recordOf(message: {
  readonly body: string;
  readonly receiptHandle: string;
  readonly attempt: number;
}): SQSRecord {
  return {
    messageId: randomUUID(),
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: {
      ApproximateReceiveCount: String(message.attempt),
      SentTimestamp: '0',
      SenderId: 'planner',
      ApproximateFirstReceiveTimestamp: '0',
    },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:us-east-1:000000000000:chunks',
    awsRegion: 'us-east-1',
  };
}
