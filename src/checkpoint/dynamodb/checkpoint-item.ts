import * as z from 'zod';
import { ERROR_POLICY, type ErrorKind } from '../../error/error-kind.ts';
import { SyncError } from '../../error/sync-error.ts';
import { commitVersionText, planText } from '../../plan/codec.ts';
import type { Checkpoint, StoredCheckpoint } from '../checkpoint.ts';
import { fromItem, type Item, itemBytes, type Plain, toItem } from './attributes.ts';

/** DynamoDB's limit for one item, names included. */
const MAX_ITEM_BYTES = 400 * 1024;

const time = z.int().min(0);

/** A kind that only a newer version knows reads as `internal`: its message and remedy are stored beside it. */
export const errorKind = z.enum(Object.keys(ERROR_POLICY) as [ErrorKind, ...ErrorKind[]]).catch('internal');

const carried = {
  through: commitVersionText.exactOptional(),
  look: z.object({ latest: commitVersionText, latestCommittedAt: time, at: time }).exactOptional(),
  pace: z
    .object({ share: z.number().gt(0).max(1), usualRowsPerSecond: z.number().exactOptional() })
    .exactOptional(),
};
const plan = planText.exactOptional();

const cause = z.object({ kind: errorKind, message: z.string(), remedy: z.string(), at: time });

const checkpoint = z.discriminatedUnion('state', [
  z.object({ state: z.literal('new'), ...carried }),
  z.object({ state: z.literal('idle'), ...carried }),
  z.object({
    state: z.literal('planning'),
    claim: z.string(),
    leaseUntil: time,
    plan,
    resumed: cause.exactOptional(),
    ...carried,
  }),
  z.object({
    state: z.literal('applying'),
    plan: planText,
    sentAt: time,
    left: z.number().min(0),
    resends: z.int().min(0),
    ...carried,
  }),
  z.object({
    state: z.literal('halted'),
    cause,
    plan,
    ...carried,
  }),
  z.object({
    state: z.literal('paused'),
    by: z.string(),
    reason: z.string(),
    at: time,
    cause: cause.exactOptional(),
    plan,
    ...carried,
  }),
]);

export function checkpointKey(sync: string): string {
  return `sync#${sync}`;
}

/**
 * The item of a sync: every field an attribute that a person can read in the console, versions and the plan as text.
 * Throws `config_invalid` when the plan makes it larger than DynamoDB allows.
 */
export function encodeCheckpoint(sync: string, value: Checkpoint, revision: string): Item {
  const plain = z.encode(checkpoint, value) as Plain;
  const item = toItem({ pk: checkpointKey(sync), revision, ...plain });
  const bytes = itemBytes(item);
  if (bytes > MAX_ITEM_BYTES) {
    throw new SyncError(
      'config_invalid',
      `The plan of sync "${sync}" takes ${bytes} bytes and a checkpoint holds ${MAX_ITEM_BYTES}: map fewer columns in syncs.${sync}.columns.`,
      { sync, bytes },
    );
  }
  return item;
}

/** Throws `checkpoint_unavailable` when the item was not written by a version of this form. */
export function decodeCheckpoint(sync: string, item: Item): StoredCheckpoint {
  const plain = fromItem(item);
  const revision = z.string().safeParse(plain['revision']);
  const parsed = checkpoint.safeParse(plain);
  if (revision.success && parsed.success) return { checkpoint: parsed.data, revision: revision.data };
  const places = [
    ...(revision.success ? [] : ['revision']),
    ...(parsed.error?.issues.map((issue) => issue.path.join('.')) ?? []),
  ];
  throw new SyncError(
    'checkpoint_unavailable',
    `The item "${checkpointKey(sync)}" of the checkpoint table was not written by this version of Lakeferry (at ${places.join(', ')}): delete the item, and it is made again from what Postgres says.`,
    { sync },
    { cause: parsed.error },
  );
}
