import { randomUUID } from 'node:crypto';
import {
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb';
import type { ErrorFields } from '../../error/sync-error.ts';
import { type Clock, systemClock } from '../../telemetry/clock.ts';
import type { Checkpoint, CheckpointStore, Progress, SliceFailure, StoredCheckpoint } from '../checkpoint.ts';
import type { Item } from './attributes.ts';
import { checkpointKey, decodeCheckpoint, encodeCheckpoint } from './checkpoint-item.ts';
import { type CheckpointTable, checkpointError } from './errors.ts';
import { decodeProgress, encodeFailure, expiresAt, failureAttribute, progressKey } from './progress-item.ts';

export interface DynamoDbCheckpointOptions {
  readonly region: string;
  /** Name of a table with the string hash key `pk` and, for tidiness, TTL on `expiresAt`. */
  readonly table: string;
  /** Local stack only. */
  readonly endpoint?: string;
  /** Local stack only; the SDK's own chain otherwise. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export function openDynamoDbCheckpoints(options: DynamoDbCheckpointOptions): CheckpointStore {
  const { region, table, endpoint, credentials } = options;
  const client = new DynamoDBClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 5_000, throwOnRequestTimeout: true },
  });
  return new DynamoDbCheckpointStore(client, { name: table, region }, systemClock);
}

/**
 * Checkpoints in a DynamoDB table: the item `sync#<name>` for a sync, `plan#<id>` for a plan's progress. A
 * checkpoint is written under the condition that its stored revision is still the one read, and brings a random
 * revision of its own. Losing the table costs time, never rows.
 */
export class DynamoDbCheckpointStore implements CheckpointStore {
  readonly #client: DynamoDBClient;
  readonly #table: CheckpointTable;
  readonly #clock: Clock;

  /** The store owns the client: `close` destroys it. */
  constructor(client: DynamoDBClient, table: CheckpointTable, clock: Clock) {
    this.#client = client;
    this.#table = table;
    this.#clock = clock;
  }

  async read(sync: string, signal: AbortSignal): Promise<StoredCheckpoint> {
    const item = await this.#get(checkpointKey(sync), { sync }, signal);
    return item === undefined
      ? { checkpoint: { state: 'new' }, revision: undefined }
      : decodeCheckpoint(sync, item);
  }

  async write(
    sync: string,
    checkpoint: Checkpoint,
    ifRevision: string | undefined,
    signal: AbortSignal,
  ): Promise<{ outcome: 'written'; revision: string } | { outcome: 'conflict' }> {
    const revision = randomUUID();
    const put = new PutItemCommand({
      TableName: this.#table.name,
      Item: encodeCheckpoint(sync, checkpoint, revision),
      ...(ifRevision === undefined
        ? { ConditionExpression: 'attribute_not_exists(pk)' }
        : {
            ConditionExpression: 'revision = :read',
            ExpressionAttributeValues: { ':read': { S: ifRevision } },
          }),
    });
    return await this.#call({ sync }, signal, async () => {
      try {
        await this.#client.send(put, { abortSignal: signal });
        return { outcome: 'written', revision };
      } catch (thrown) {
        if (!(thrown instanceof ConditionalCheckFailedException)) throw thrown;
        // The SDK repeats a write whose answer was lost, and the repeat fails on what the first attempt wrote.
        const stored = await this.#get(checkpointKey(sync), { sync }, signal);
        return stored?.['revision']?.S === revision
          ? { outcome: 'written', revision }
          : { outcome: 'conflict' };
      }
    });
  }

  async addDone(planId: string, slice: number, signal: AbortSignal): Promise<void> {
    const update = new UpdateItemCommand({
      TableName: this.#table.name,
      Key: { pk: { S: progressKey(planId) } },
      UpdateExpression: 'add done :slice set expiresAt = :expiresAt',
      ExpressionAttributeValues: { ':slice': { NS: [String(slice)] }, ':expiresAt': this.#expiresAt() },
    });
    await this.#call({ planId, slice }, signal, () => this.#client.send(update, { abortSignal: signal }));
  }

  async recordFailure(
    planId: string,
    slice: number,
    failure: SliceFailure,
    signal: AbortSignal,
  ): Promise<void> {
    const update = new UpdateItemCommand({
      TableName: this.#table.name,
      Key: { pk: { S: progressKey(planId) } },
      UpdateExpression: 'set #failure = :failure, expiresAt = :expiresAt',
      ExpressionAttributeNames: { '#failure': failureAttribute(slice) },
      ExpressionAttributeValues: { ':failure': encodeFailure(failure), ':expiresAt': this.#expiresAt() },
    });
    await this.#call({ planId, slice }, signal, () => this.#client.send(update, { abortSignal: signal }));
  }

  async readProgress(planId: string, signal: AbortSignal): Promise<Progress> {
    return decodeProgress(planId, (await this.#get(progressKey(planId), { planId }, signal)) ?? {});
  }

  close(): void {
    this.#client.destroy();
  }

  async #get(key: string, fields: ErrorFields, signal: AbortSignal): Promise<Item | undefined> {
    const get = new GetItemCommand({
      TableName: this.#table.name,
      Key: { pk: { S: key } },
      ConsistentRead: true,
    });
    const { Item } = await this.#call(fields, signal, () => this.#client.send(get, { abortSignal: signal }));
    return Item;
  }

  #expiresAt(): { N: string } {
    return { N: String(expiresAt(this.#clock.now())) };
  }

  async #call<T>(fields: ErrorFields, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
    try {
      return await call();
    } catch (thrown) {
      throw checkpointError(thrown, this.#table, fields, signal);
    }
  }
}
