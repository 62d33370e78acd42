import { SQSClient } from '@aws-sdk/client-sqs';

export interface SqsAccess {
  readonly region: string;
  /** Local stack only. */
  readonly endpoint?: string;
  /** Local stack only; the SDK's own chain otherwise. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export function openSqsClient({ region, endpoint, credentials }: SqsAccess): SQSClient {
  return new SQSClient({
    region,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    maxAttempts: 4,
    requestHandler: { connectionTimeout: 2_000, requestTimeout: 10_000, throwOnRequestTimeout: true },
  });
}
