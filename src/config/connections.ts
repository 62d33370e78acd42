/** Where a Databricks SQL warehouse is and how to enter it. */
export interface DatabricksConnection {
  readonly host: string;
  readonly port: number;
  /** HTTP path, e.g. `/sql/1.0/warehouses/8f2c…`. */
  readonly path: string;
  readonly auth:
    | { readonly kind: 'token'; readonly token: string }
    | { readonly kind: 'oauth'; readonly clientId: string; readonly clientSecret: string };
  /** PEM of an additional certificate authority: the local stack's own. */
  readonly caCert?: string;
}

/** Where the Neon database is. */
export interface NeonConnection {
  /** `postgresql://user:password@host/database?sslmode=require`; the pooled host is fine. Chunks are applied here. */
  readonly url: string;
  /** The same database on the direct (unpooled) host, for DDL; `url` when absent. */
  readonly directUrl?: string;
  /** Local stack only: `host:port` of the WebSocket proxy, reached without TLS. */
  readonly localProxy?: string;
}

/** The AWS services that the control path uses. */
export interface AwsConnection {
  readonly region: string;
  readonly checkpointTable: string;
  readonly chunkQueueUrl: string;
  readonly deadLetterQueueUrl?: string;
  /** Local stack only: other endpoints and fixed credentials. */
  readonly local?: { readonly dynamodb: string; readonly sqs: string };
}

export interface Connections {
  readonly databricks: DatabricksConnection;
  readonly neon: NeonConnection;
  readonly aws: AwsConnection;
}

/** What the local stack's services accept; the AWS SDK asks for some. */
export const LOCAL_AWS_CREDENTIALS = { accessKeyId: 'local', secretAccessKey: 'local' } as const;
