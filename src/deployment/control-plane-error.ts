import { type AwsFailure, readAwsFailure } from '../error/aws-failure.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import { SyncError } from '../error/sync-error.ts';

/** A thing of a deployment as errors name it. */
export interface NamedThing {
  /** E.g. `the function "orders-planner"`. */
  readonly name: string;
  readonly region: string;
  /** The IAM action that the call needs. */
  readonly right: string;
}

const SENTENCE = {
  not_found: ({ name, region }) => `There is no such thing in ${region} any more: ${name}.`,
  forbidden: ({ name, region, right }) => `AWS refuses ${right} on ${name} in ${region}.`,
  credentials: ({ region }) =>
    `AWS does not accept the credentials in use here, or there are none; asked in ${region}.`,
  throttled: ({ name, region }) => `AWS throttles the calls for ${name} in ${region}.`,
  unreachable: ({ name, region }) => `AWS could not be reached for ${name} in ${region}.`,
  service_fault: ({ name, region }) => `AWS failed at a call for ${name} in ${region}.`,
  refused: ({ name, region }) => `AWS refused a call for ${name} in ${region}.`,
} as const satisfies Record<AwsFailure['reason'], (thing: NamedThing) => string>;

/** What the SDK threw; `cancelled` when the caller's signal had aborted. */
export function controlPlaneError(thrown: unknown, thing: NamedThing, signal: AbortSignal): SyncError {
  if (thrown instanceof SyncError) return thrown;
  if (signal.aborted) {
    return new SyncError('cancelled', `A call for ${thing.name} was cancelled.`, {}, { cause: thrown });
  }
  const { reason, code, httpStatus } = readAwsFailure(thrown);
  const { kind, remedy } = policyOf(reason, thing);
  const fields = { code, ...(httpStatus === undefined ? {} : { httpStatus }) };
  return new SyncError(kind, SENTENCE[reason](thing), fields, { cause: thrown, remedy });
}

function policyOf(
  reason: AwsFailure['reason'],
  { right, region }: NamedThing,
): { readonly kind: ErrorKind; readonly remedy: string } {
  switch (reason) {
    case 'not_found':
      return { kind: 'deployment_missing', remedy: 'npx cdk deploy' };
    case 'forbidden':
      return {
        kind: 'aws_unauthorized',
        remedy: `Grant ${right} to your role, or choose another: AWS_PROFILE`,
      };
    case 'credentials':
      return { kind: 'aws_unauthorized', remedy: 'Sign in to AWS, e.g. "aws sso login", or set AWS_PROFILE' };
    case 'throttled':
    case 'unreachable':
    case 'service_fault':
    case 'refused':
      return {
        kind: 'aws_unavailable',
        remedy: `Check that AWS answers from here in ${region}, and run the command again`,
      };
    default:
      return reason satisfies never;
  }
}
