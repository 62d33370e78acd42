import { MetricUnit } from '@aws-lambda-powertools/metrics';
import type { MetricsInterface } from '@aws-lambda-powertools/metrics/types';
import type { Metrics } from './metrics.ts';

type Unit = (typeof MetricUnit)[keyof typeof MetricUnit];
type Measurement = readonly [name: string, unit: Unit, value: number];

/**
 * Metrics in CloudWatch's embedded format. Every call writes one line of its own, with the service as the only
 * dimension and the sync (and the error's kind) as searchable metadata.
 */
export function powertoolsMetrics(
  metrics: Pick<MetricsInterface, 'addMetric' | 'addMetadata' | 'publishStoredMetrics'>,
): Metrics {
  const publish = (metadata: Readonly<Record<string, string>>, measured: readonly Measurement[]) => {
    const known = measured.filter(([, , value]) => Number.isFinite(value));
    if (known.length === 0) return;
    for (const [name, value] of Object.entries(metadata)) metrics.addMetadata(name, value);
    for (const [name, unit, value] of known) metrics.addMetric(name, unit, value);
    metrics.publishStoredMetrics();
  };
  return {
    planned: (sync, { slices, versions }) =>
      publish({ sync }, [
        ['PlansMade', MetricUnit.Count, 1],
        ['ChunksSent', MetricUnit.Count, slices],
        ['VersionsPlanned', MetricUnit.Count, versions],
      ]),
    chunkApplied: (sync, { upserted, deleted, rejected }, ms) =>
      publish({ sync }, [
        ['ChunksApplied', MetricUnit.Count, 1],
        ['RowsUpserted', MetricUnit.Count, upserted],
        ['RowsDeleted', MetricUnit.Count, deleted],
        ['RowsRejected', MetricUnit.Count, rejected],
        ['ChunkDuration', MetricUnit.Milliseconds, ms],
      ]),
    chunkSkipped: (sync, outcome) => publish({ sync, outcome }, [['ChunksSkipped', MetricUnit.Count, 1]]),
    chunkFailed: (sync, kind) => publish({ sync, kind }, [['ChunkFailures', MetricUnit.Count, 1]]),
    halted: (sync, kind) => publish({ sync, kind }, [['SyncsHalted', MetricUnit.Count, 1]]),
    lag: (sync, { versions, seconds }) =>
      publish({ sync }, [
        ['LagVersions', MetricUnit.Count, versions],
        ['LagSeconds', MetricUnit.Seconds, seconds],
      ]),
  };
}
