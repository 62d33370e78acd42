import { EnvironmentError } from '../config/config-error.ts';

/** The AWS SDK's own chain knows of none either. Names every place looked in; `file` is the configuration. */
export function noRegion(file: string): EnvironmentError {
  const message = `not in the environment, not in the AWS profile, and connections.aws.region of ${file} is not set`;
  const remedy = 'Set AWS_REGION, or choose a profile that has a region: AWS_PROFILE';
  return new EnvironmentError([{ variable: 'AWS_REGION', message }], { remedy });
}
