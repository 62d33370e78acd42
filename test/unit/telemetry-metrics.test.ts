import { Metrics as PowertoolsMetrics } from '@aws-lambda-powertools/metrics';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { METRIC_DIMENSION, METRIC_UNITS } from '../../src/telemetry/metric-names.ts';
import { type Metrics, noMetrics } from '../../src/telemetry/metrics.ts';
import { powertoolsMetrics } from '../../src/telemetry/powertools-metrics.ts';

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

interface Emf extends Record<string, unknown> {
  readonly _aws: {
    readonly CloudWatchMetrics: readonly {
      readonly Namespace: string;
      readonly Dimensions: readonly (readonly string[])[];
      readonly Metrics: readonly { readonly Name: string; readonly Unit: string }[];
    }[];
  };
}

/** The documents that CloudWatch would read. */
function published(use: (metrics: Metrics) => void): Emf[] {
  vi.stubEnv('POWERTOOLS_DEV', 'true');
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false');
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line: string) => void lines.push(line));
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {});
  use(powertoolsMetrics(new PowertoolsMetrics({ namespace: 'Lakeferry', serviceName: 'writer' })));
  expect(warn).not.toHaveBeenCalled();
  return lines.map((line) => JSON.parse(line));
}

function useAll(metrics: Metrics): void {
  metrics.planOpened('orders', 2);
  metrics.chunksSent('orders', 3);
  metrics.chunkApplied('orders', { upserted: 10, deleted: 2, rejected: 1 }, 1_234);
  metrics.chunkSkipped('orders', 'fenced');
  metrics.chunkFailed('orders', 'target_busy');
  metrics.halted('orders', 'retention_gap');
  metrics.lag('orders', { versions: 4, seconds: 90, overMaxLag: true });
}

describe('metrics in CloudWatch’s embedded format', () => {
  it('are one document a call with its numbers', () => {
    expect(published(useAll)).toMatchObject([
      { PlansMade: 1, VersionsPlanned: 2 },
      { ChunksSent: 3 },
      { ChunksApplied: 1, RowsUpserted: 10, RowsDeleted: 2, RowsRejected: 1, ChunkDuration: 1_234 },
      { ChunksSkipped: 1, outcome: 'fenced' },
      { ChunkFailures: 1, kind: 'target_busy' },
      { SyncsHalted: 1, kind: 'retention_gap' },
      { LagVersions: 4, LagSeconds: 90, SyncsOverMaxLag: 1 },
    ]);
  });

  it('have the service as their only dimension, and the sync beside', () => {
    const documents = published(useAll);
    expect(documents).toHaveLength(7);
    for (const document of documents) {
      expect(document).toMatchObject({ service: 'writer', sync: 'orders' });
      expect(document._aws.CloudWatchMetrics).toMatchObject([
        { Namespace: 'Lakeferry', Dimensions: [['service']] },
      ]);
    }
  });

  it('have their units', () => {
    const units = published(useAll).flatMap(({ _aws }) =>
      _aws.CloudWatchMetrics.flatMap(({ Metrics: all }) => all.map(({ Name, Unit }) => [Name, Unit])),
    );
    expect(Object.fromEntries(units)).toMatchObject({
      ChunkDuration: 'Milliseconds',
      LagSeconds: 'Seconds',
      LagVersions: 'Count',
      RowsUpserted: 'Count',
    });
  });

  it('are those of the list that alarms and dashboard are made from, each with its unit', () => {
    const measured = published(useAll).flatMap((document) => document._aws.CloudWatchMetrics);
    const units = measured.flatMap(({ Metrics }) => Metrics).map(({ Name, Unit }) => [Name, Unit]);
    expect(Object.fromEntries(units)).toEqual(METRIC_UNITS);
    expect(new Set(measured.map(({ Dimensions }) => Dimensions.join()))).toEqual(new Set([METRIC_DIMENSION]));
  });

  it('do not carry one sync’s name into another’s document', () => {
    const [, items] = published((metrics) => {
      metrics.chunkSkipped('orders', 'fenced');
      metrics.lag('items', { versions: 0, seconds: 0, overMaxLag: false });
    });
    expect(items).toMatchObject({ sync: 'items', LagVersions: 0, SyncsOverMaxLag: 0 });
    expect(items).not.toHaveProperty('outcome');
  });

  it('leave out what is not a number, and never throw', () => {
    const documents = published((metrics) => {
      metrics.lag('orders', { versions: 1, seconds: Number.NaN, overMaxLag: false });
      metrics.lag('orders', { versions: Number.NaN, seconds: Number.POSITIVE_INFINITY, overMaxLag: false });
    });
    expect(documents.map((document) => 'LagSeconds' in document)).toEqual([false, false]);
    expect(documents.map((document) => 'LagVersions' in document)).toEqual([true, false]);
  });
});

describe('no metrics', () => {
  it('take every call', () => {
    expect(() => useAll(noMetrics)).not.toThrow();
  });
});
