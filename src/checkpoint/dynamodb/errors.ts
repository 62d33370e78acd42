import { type AwsFailure, readAwsFailure } from '../../error/aws-failure.ts';
import { type ErrorFields, SyncError } from '../../error/sync-error.ts';

/** Where a call went, for messages. */
export interface CheckpointTable {
  readonly name: string;
  readonly region: string;
}

const SENTENCE = {
  not_found: ({ name, region }) =>
    `The checkpoint table "${name}" does not exist in region ${region}: deploy the stack, or correct the table's name.`,
  forbidden: ({ name }) =>
    `AWS refuses access to the checkpoint table "${name}": the role needs dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem on it.`,
  credentials: ({ name, region }) =>
    `AWS does not accept the credentials for the checkpoint table "${name}" in region ${region}: renew them.`,
  throttled: ({ name }) => `DynamoDB throttles the checkpoint table "${name}".`,
  unreachable: ({ name, region }) =>
    `DynamoDB could not be reached for the checkpoint table "${name}" in region ${region}.`,
  service_fault: ({ name }) => `DynamoDB failed at a call for the checkpoint table "${name}".`,
  refused: ({ name }) => `DynamoDB refused a call for the checkpoint table "${name}".`,
} as const satisfies Record<AwsFailure['reason'], (table: CheckpointTable) => string>;

/** What the SDK threw, as `checkpoint_unavailable`, or as `cancelled` when the caller's signal had aborted. */
export function checkpointError(
  thrown: unknown,
  table: CheckpointTable,
  fields: ErrorFields,
  signal: AbortSignal,
): SyncError {
  if (thrown instanceof SyncError) return thrown;
  if (signal.aborted) {
    return new SyncError('cancelled', 'A call to the checkpoint table was cancelled.', fields, {
      cause: thrown,
    });
  }
  const { reason, code, httpStatus } = readAwsFailure(thrown);
  return new SyncError(
    'checkpoint_unavailable',
    SENTENCE[reason](table),
    { ...fields, table: table.name, code, ...(httpStatus === undefined ? {} : { httpStatus }) },
    { cause: thrown },
  );
}
