import { createHash } from 'node:crypto';
import * as z from 'zod';

/** Names a deployment: unique in its account and region. All of it may stand in the name of a CloudFormation stack. */
export const DEPLOYMENT_NAME = /^[A-Za-z0-9-]{1,40}$/;
/** Of a stack that is not named otherwise. */
export const DEFAULT_DEPLOYMENT = 'lakeferry';

/**
 * What a deployed stack tells of itself: the JSON text of an SSM parameter, for the command line. Within a
 * `schemaVersion` fields are only added.
 */
const deployment = z.object({
  schemaVersion: z.literal(1),
  name: z.string(),
  /** Version of Lakeferry that was deployed. */
  version: z.string(),
  /** `configDigest` of the configuration's text. */
  configDigest: z.string(),
  region: z.string(),
  checkpointTable: z.string(),
  chunkQueueUrl: z.string(),
  deadLetterQueueUrl: z.string(),
  /** Names of the Lambda functions, and of their log groups. */
  plannerFunction: z.string(),
  writerFunction: z.string(),
  plannerLogGroup: z.string(),
  writerLogGroup: z.string(),
  /** The schedules in it bear the names of the syncs. */
  scheduleGroup: z.string(),
  alarmTopicArn: z.string(),
  alarms: z.array(z.string()),
  dashboard: z.string(),
});

export type Deployment = z.infer<typeof deployment>;

/** Name of the SSM parameter. */
export function deploymentParameter(name: string): string {
  return `/lakeferry/${name}`;
}

/** Throws when the text is not of a stack that this version knows. */
export function parseDeployment(text: string): Deployment {
  return deployment.parse(JSON.parse(text));
}

/** First 16 hex digits of the SHA-256 of a configuration's text. */
export function configDigest(configText: string): string {
  return createHash('sha256').update(configText).digest('hex').slice(0, 16);
}
