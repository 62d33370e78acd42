import { Duration } from 'aws-cdk-lib';
import { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { METRIC_DIMENSION, METRIC_NAMESPACE, type MetricName } from '../src/telemetry/metric-names.ts';

export const PERIOD = Duration.minutes(5);

/** The functions' own metrics of one deployment. */
export type SyncMetrics = (name: MetricName, statistic: string) => Metric;

export function metricsOf(deployment: string): SyncMetrics {
  return (metricName, statistic) =>
    new Metric({
      namespace: METRIC_NAMESPACE,
      metricName,
      dimensionsMap: { [METRIC_DIMENSION]: deployment },
      statistic,
      period: PERIOD,
    });
}
