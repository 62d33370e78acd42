import type { SyncConfig } from './sync-config.ts';

/** What lakeferry.yaml says about the connections: no secret is ever among it. */
export interface ConnectionSettings {
  readonly databricks: {
    /** `host` or `host:port`. */
    readonly host?: string;
    readonly httpPath?: string;
    /** Name or ARN in AWS Secrets Manager. */
    readonly secret?: string;
  };
  readonly neon: { readonly secret?: string };
  readonly aws: { readonly region?: string };
}

/** lakeferry.yaml, valid as a whole. */
export interface LakeferryConfig {
  readonly connections: ConnectionSettings;
  /** By sync name, in the file's order. Never empty. */
  readonly syncs: ReadonlyMap<string, SyncConfig>;
}
