import type { LakeferryConfig } from '../../../src/config/lakeferry-config.ts';
import type { SyncConfig } from '../../../src/config/sync-config.ts';
import { runSyncs } from '../../../src/local/run-syncs.ts';
import { aSync } from '../../support/syncs.ts';
import { sourceName, TARGET_SCHEMA } from './customer-profiles.ts';
import type { Ground } from './ground.ts';

const NEVER = new AbortController().signal;

/** A sync with the defaults of lakeferry.yaml that writes the same columns as the guide's job. */
export function syncInto(source: string, target: string): SyncConfig {
  return aSync(sourceName(source), `${TARGET_SCHEMA}.${target}`, ['customer_id'], {
    columns: { exclude: ['is_active', 'updated_at'], rename: {}, types: {} },
    metadata: { commitTimestamp: '_commit_timestamp', syncedAt: 'updated_at' },
  });
}

/** One run of planner, queue and writers, as `lakeferry run` does it; throws unless the sync ends idle. */
export async function runLakeferry({ connections, services }: Ground, sync: SyncConfig): Promise<void> {
  const config: LakeferryConfig = {
    connections: { databricks: {}, neon: {}, aws: {} },
    syncs: new Map([[sync.name, sync]]),
  };
  const [result] = await runSyncs({
    config,
    services,
    aws: connections.aws,
    syncs: [sync],
    untilIdle: false,
    signal: NEVER,
  });
  if (result?.state !== 'idle') throw new Error(`Lakeferry ended ${result?.state}: ${result?.error?.kind}`);
}
