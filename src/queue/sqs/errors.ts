import { MessageNotInflight } from '@aws-sdk/client-sqs';
import { type AwsFailure, readAwsFailure } from '../../error/aws-failure.ts';
import { type ErrorFields, SyncError } from '../../error/sync-error.ts';

const SENTENCE = {
  not_found: (queue) => `The chunk queue ${queue} does not exist: deploy the stack, or correct its URL.`,
  forbidden: (queue) =>
    `AWS refuses access to the chunk queue ${queue}: the role needs sqs:SendMessage and sqs:ChangeMessageVisibility on it.`,
  credentials: (queue) => `AWS does not accept the credentials for the chunk queue ${queue}: renew them.`,
  throttled: (queue) => `SQS throttles the chunk queue ${queue}.`,
  unreachable: (queue) => `SQS could not be reached for the chunk queue ${queue}.`,
  service_fault: (queue) => `SQS failed at a call for the chunk queue ${queue}.`,
  refused: (queue) => `SQS refused a call for the chunk queue ${queue}.`,
} as const satisfies Record<AwsFailure['reason'], (queue: string) => string>;

/** What the SDK threw, as `queue_unavailable`, or as `cancelled` when the caller's signal had aborted. */
export function queueError(
  thrown: unknown,
  queueUrl: string,
  fields: ErrorFields,
  signal: AbortSignal,
): SyncError {
  if (thrown instanceof SyncError) return thrown;
  if (signal.aborted) {
    return new SyncError('cancelled', 'A call to the chunk queue was cancelled.', fields, { cause: thrown });
  }
  const { reason, code, httpStatus } = readAwsFailure(thrown);
  return new SyncError(
    'queue_unavailable',
    SENTENCE[reason](queueUrl),
    { ...fields, code, ...(httpStatus === undefined ? {} : { httpStatus }) },
    { cause: thrown },
  );
}

/**
 * Whether a message's time ran out meanwhile: it is in the queue again, or gone. SQS documents MessageNotInflight; what
 * it sends is the error for values out of range, so that only its text tells the two apart.
 */
export function isNotInFlight(thrown: unknown): boolean {
  return (
    thrown instanceof MessageNotInflight ||
    (thrown instanceof Error && thrown.message.includes('is not available for visibility timeout change'))
  );
}
