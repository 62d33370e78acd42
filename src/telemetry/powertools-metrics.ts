import type { MetricsInterface } from '@aws-lambda-powertools/metrics/types';
import { METRIC_UNITS, type MetricName } from './metric-names.ts';
import type { Metrics } from './metrics.ts';

type Measurement = readonly [name: MetricName, value: number];

/**
 * Metrics in CloudWatch's embedded format. Every call writes one line of its own, with the service as the only
 * dimension and the sync (and the error's kind) as searchable metadata.
 */
export function powertoolsMetrics(
  metrics: Pick<MetricsInterface, 'addMetric' | 'addMetadata' | 'publishStoredMetrics'>,
): Metrics {
  const publish = (metadata: Readonly<Record<string, string>>, measured: readonly Measurement[]) => {
    const known = measured.filter(([, value]) => Number.isFinite(value));
    if (known.length === 0) return;
    for (const [name, value] of Object.entries(metadata)) metrics.addMetadata(name, value);
    for (const [name, value] of known) metrics.addMetric(name, METRIC_UNITS[name], value);
    metrics.publishStoredMetrics();
  };
  return {
    planOpened: (sync, versions) =>
      publish({ sync }, [
        ['PlansMade', 1],
        ['VersionsPlanned', versions],
      ]),
    chunksSent: (sync, chunks) => publish({ sync }, [['ChunksSent', chunks]]),
    chunkApplied: (sync, { upserted, deleted, rejected }, ms) =>
      publish({ sync }, [
        ['ChunksApplied', 1],
        ['RowsUpserted', upserted],
        ['RowsDeleted', deleted],
        ['RowsRejected', rejected],
        ['ChunkDuration', ms],
      ]),
    chunkSkipped: (sync, outcome) => publish({ sync, outcome }, [['ChunksSkipped', 1]]),
    chunkFailed: (sync, kind) => publish({ sync, kind }, [['ChunkFailures', 1]]),
    halted: (sync, kind) => publish({ sync, kind }, [['SyncsHalted', 1]]),
    lag: (sync, { versions, seconds, overMaxLag }) =>
      publish({ sync }, [
        ['LagVersions', versions],
        ['LagSeconds', seconds],
        ['SyncsOverMaxLag', overMaxLag ? 1 : 0],
      ]),
  };
}
