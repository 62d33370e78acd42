import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import * as z from 'zod';
import { SyncError } from '../../error/sync-error.ts';
import type { Progress, SliceFailure } from '../checkpoint.ts';
import { fromItem, type Item, type Plain, toItem } from './attributes.ts';
import { errorKind } from './checkpoint-item.ts';

/** Progress items are removed by DynamoDB's TTL on `expiresAt` this long after their last write. */
const KEPT_SECONDS = 30 * 24 * 60 * 60;

/** A longer failure message is cut: 500 slices' failures must fit one item, which each update is billed for. */
const MAX_MESSAGE_CHARACTERS = 500;

const FAILURE_ATTRIBUTE = /^failure#(0|[1-9][0-9]*)$/;

const sliceFailure = z.object({
  kind: errorKind,
  message: z.string(),
  attempt: z.int(),
  at: z.int(),
});

export function progressKey(planId: string): string {
  return `plan#${planId}`;
}

/** Seconds since the epoch, the form that TTL wants. */
export function expiresAt(nowMs: number): number {
  return Math.floor(nowMs / 1000) + KEPT_SECONDS;
}

/** Each slice's last failure is an attribute of its own, so that one unconditional update writes it. */
export function failureAttribute(slice: number): string {
  return `failure#${slice}`;
}

export function encodeFailure(failure: SliceFailure): AttributeValue {
  const { kind, message, attempt, at } = failure;
  const cut =
    message.length > MAX_MESSAGE_CHARACTERS ? `${message.slice(0, MAX_MESSAGE_CHARACTERS - 1)}…` : message;
  const plain: Plain = { kind, message: cut, attempt, at };
  return { M: toItem(plain) };
}

/** Throws `checkpoint_unavailable` when a failure was not written by a version of this form. */
export function decodeProgress(planId: string, item: Item): Progress {
  const done = new Set((item['done']?.NS ?? []).map(Number));
  const failures = new Map<number, SliceFailure>();
  for (const [name, value] of Object.entries(fromItem(item))) {
    const slice = FAILURE_ATTRIBUTE.exec(name)?.[1];
    if (slice === undefined) continue;
    const parsed = sliceFailure.safeParse(value);
    if (!parsed.success) {
      throw new SyncError(
        'checkpoint_unavailable',
        `The attribute "${name}" of the item "${progressKey(planId)}" of the checkpoint table was not written by this version of Lakeferry: delete the item, it is for display only.`,
        { planId },
        { cause: parsed.error },
      );
    }
    failures.set(Number(slice), parsed.data);
  }
  return { done, failures };
}
