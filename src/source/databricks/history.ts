/**
 * Change rows that a commit may have caused, from DESCRIBE HISTORY's metrics. They are strings and some are absent;
 * an estimate that only sizes slices and pages. An update counts once: pre- and postimage fold to one change.
 */
export function estimateChangeRows(metrics: unknown): number | undefined {
  const of = parseMetrics(metrics);
  if (!of) return undefined;
  const merge = sum(of, ['numTargetRowsInserted', 'numTargetRowsUpdated', 'numTargetRowsDeleted']);
  return (
    merge ?? sum(of, ['numUpdatedRows', 'numDeletedRows', 'numRemovedRows']) ?? sum(of, ['numOutputRows'])
  );
}

/** A map<string,string>: an object where the driver parsed it, else its JSON text. */
function parseMetrics(metrics: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof metrics === 'string') {
    try {
      return parseMetrics(JSON.parse(metrics));
    } catch {
      return undefined;
    }
  }
  return typeof metrics === 'object' && metrics !== null ? (metrics as Record<string, unknown>) : undefined;
}

/** Undefined where none of the metrics is given. */
function sum(metrics: Readonly<Record<string, unknown>>, names: readonly string[]): number | undefined {
  const values = names
    .map((name) => Number(metrics[name] ?? Number.NaN))
    .filter((value) => Number.isFinite(value));
  return values.length === 0 ? undefined : values.reduce((total, value) => total + value, 0);
}
