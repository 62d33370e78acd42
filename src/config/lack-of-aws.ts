import { readAwsFailure } from '../error/aws-failure.ts';
import { SyncError } from '../error/sync-error.ts';
import { EnvironmentError } from './config-error.ts';

/**
 * The one cause, of this error or below it, for which AWS can be asked nothing from here: no region is set, or the
 * credentials are not accepted.
 */
export function lackOfAws(error: unknown): SyncError | undefined {
  if (!(error instanceof SyncError)) return undefined;
  const hasNoRegion =
    error instanceof EnvironmentError && error.problems.some(({ variable }) => variable === 'AWS_REGION');
  const isNobody = readAwsFailure(error.cause).reason === 'credentials';
  return hasNoRegion || isNobody ? error : lackOfAws(error.cause);
}
