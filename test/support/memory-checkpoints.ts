import { randomUUID } from 'node:crypto';
import type {
  Checkpoint,
  CheckpointStore,
  Progress,
  SliceFailure,
  StoredCheckpoint,
} from '../../src/checkpoint/checkpoint.ts';
import type { Item } from '../../src/checkpoint/dynamodb/attributes.ts';
import { decodeCheckpoint, encodeCheckpoint } from '../../src/checkpoint/dynamodb/checkpoint-item.ts';
import {
  decodeProgress,
  encodeFailure,
  failureAttribute,
} from '../../src/checkpoint/dynamodb/progress-item.ts';
import { SyncError } from '../../src/error/sync-error.ts';

/** The checkpoint store in memory. It keeps items in their stored form, so that it shares nothing with its callers. */
export class MemoryCheckpoints implements CheckpointStore {
  readonly #checkpoints = new Map<string, Item>();
  readonly #progress = new Map<string, Item>();

  async read(sync: string, signal: AbortSignal): Promise<StoredCheckpoint> {
    refuseAborted(signal);
    const item = this.#checkpoints.get(sync);
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
    const item = encodeCheckpoint(sync, checkpoint, revision);
    refuseAborted(signal);
    if (this.#checkpoints.get(sync)?.['revision']?.S !== ifRevision) return { outcome: 'conflict' };
    this.#checkpoints.set(sync, item);
    return { outcome: 'written', revision };
  }

  async addDone(planId: string, slice: number, signal: AbortSignal): Promise<void> {
    refuseAborted(signal);
    const item = this.#progress.get(planId) ?? {};
    const done = new Set(item['done']?.NS).add(String(slice));
    this.#progress.set(planId, { ...item, done: { NS: [...done] } });
  }

  async recordFailure(
    planId: string,
    slice: number,
    failure: SliceFailure,
    signal: AbortSignal,
  ): Promise<void> {
    refuseAborted(signal);
    const item = this.#progress.get(planId) ?? {};
    this.#progress.set(planId, { ...item, [failureAttribute(slice)]: encodeFailure(failure) });
  }

  async readProgress(planId: string, signal: AbortSignal): Promise<Progress> {
    refuseAborted(signal);
    return decodeProgress(planId, this.#progress.get(planId) ?? {});
  }

  /** What losing the DynamoDB table does. */
  lose(): void {
    this.#checkpoints.clear();
    this.#progress.clear();
  }

  close(): void {}
}

function refuseAborted(signal: AbortSignal): void {
  if (signal.aborted) throw new SyncError('cancelled', 'A call to the checkpoint table was cancelled.');
}
