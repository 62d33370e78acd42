/**
 * Every metric of the functions and its CloudWatch unit: what the functions emit, and what alarms and dashboard of
 * infra/ look at. Each is summed over all syncs of a deployment; the sync's name stands beside the numbers in the log.
 */
export const METRIC_UNITS = {
  /** Plans opened. */
  PlansMade: 'Count',
  ChunksSent: 'Count',
  VersionsPlanned: 'Count',
  ChunksApplied: 'Count',
  RowsUpserted: 'Count',
  RowsDeleted: 'Count',
  RowsRejected: 'Count',
  ChunkDuration: 'Milliseconds',
  ChunksSkipped: 'Count',
  /** Attempts at a chunk that failed. */
  ChunkFailures: 'Count',
  /** 1 when a sync halts, and at each tick that finds it halted. */
  SyncsHalted: 'Count',
  LagVersions: 'Count',
  LagSeconds: 'Seconds',
  /** At each tick: 1 for a sync that lags by more than its maxLag, else 0. */
  SyncsOverMaxLag: 'Count',
} as const satisfies Record<string, 'Count' | 'Milliseconds' | 'Seconds'>;

export type MetricName = keyof typeof METRIC_UNITS;

export const METRIC_NAMESPACE = 'Lakeferry';
/** The only dimension: the deployment's name, from POWERTOOLS_SERVICE_NAME. */
export const METRIC_DIMENSION = 'service';
