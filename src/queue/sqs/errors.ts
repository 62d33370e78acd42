import { MessageNotInflight } from '@aws-sdk/client-sqs';
import { type AwsFailure, readAwsFailure } from '../../error/aws-failure.ts';
import { type ErrorFields, SyncError } from '../../error/sync-error.ts';

/** A queue as errors name it. */
export interface NamedQueue {
  readonly role: 'chunk queue' | 'dead-letter queue';
  readonly url: string;
  /** IAM actions that its callers need. */
  readonly rights: string;
}

const SENTENCE = {
  not_found: ({ name }) => `The ${name} does not exist: deploy the stack, or correct its URL.`,
  forbidden: ({ name, rights }) => `AWS refuses access to the ${name}: the role needs ${rights} on it.`,
  credentials: ({ name }) => `AWS does not accept the credentials for the ${name}: renew them.`,
  throttled: ({ name }) => `SQS throttles the ${name}.`,
  unreachable: ({ name }) => `SQS could not be reached for the ${name}.`,
  service_fault: ({ name }) => `SQS failed at a call for the ${name}.`,
  refused: ({ name }) => `SQS refused a call for the ${name}.`,
} as const satisfies Record<
  AwsFailure['reason'],
  (queue: { readonly name: string; readonly rights: string }) => string
>;

/** What the SDK threw, as `queue_unavailable`, or as `cancelled` when the caller's signal had aborted. */
export function queueError(
  thrown: unknown,
  { role, url, rights }: NamedQueue,
  fields: ErrorFields,
  signal: AbortSignal,
): SyncError {
  if (thrown instanceof SyncError) return thrown;
  if (signal.aborted) {
    return new SyncError('cancelled', `A call to the ${role} was cancelled.`, fields, { cause: thrown });
  }
  const { reason, code, httpStatus } = readAwsFailure(thrown);
  return new SyncError(
    'queue_unavailable',
    SENTENCE[reason]({ name: `${role} ${url}`, rights }),
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
