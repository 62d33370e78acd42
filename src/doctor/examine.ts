import type { SyncConfig } from '../config/sync-config.ts';
import { displayTable } from '../schema/table-name.ts';
import type { Source } from '../source/source.ts';
import type { SourceSurvey } from '../source/survey.ts';
import { inTurns } from '../sync/in-turns.ts';
import type { TargetSurvey } from '../target/survey.ts';
import type { Target } from '../target/target.ts';
import type { Clock } from '../telemetry/clock.ts';
import { attemptWithin } from './attempt-within.ts';
import { clockFindings } from './clock.ts';
import { examineServer } from './examine-server.ts';
import { examineStack, type LocalState, type StackServices } from './examine-stack.ts';
import { examineTable } from './examine-table.ts';
import { examineTarget } from './examine-target.ts';
import { examineWarehouse } from './examine-warehouse.ts';
import { AREAS, about, type Finding } from './finding.ts';

/** Tables that are looked at at once: each takes a session of the warehouse. */
const TABLES_AT_ONCE = 4;
const LIMIT_MS = 30_000;

export interface DoctorServices {
  readonly source: Source & SourceSurvey;
  readonly target: Target & TargetSurvey;
  readonly clock: Clock;
  /** Absent on the local stack. */
  readonly stack?: StackServices;
}

export interface Examination {
  /** Those to be looked at. */
  readonly syncs: readonly SyncConfig[];
  readonly local: LocalState;
  /** What is being waited for, as part of a sentence. */
  readonly onProgress: (waitingFor: string) => void;
}

/**
 * Looks at everything that the syncs need, and changes nothing. What cannot be looked at is a finding, too. Findings
 * come by area, in the order in which a person sees to them.
 */
export async function examine(
  services: DoctorServices,
  { syncs, local, onProgress }: Examination,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const { source, target, stack } = services;
  onProgress('asking Neon, AWS, and the SQL warehouse, which may have to start');
  const [server, warehouse, ofStack] = await Promise.all([
    examineServer(services, local.syncs, signal),
    examineWarehouse(services, signal),
    stack ? examineStack(stack, local, syncs, signal) : [],
  ]);
  let looked = 0;
  const ofTables = await inTurns(syncs, TABLES_AT_ONCE, async (config) => {
    const existing = server.facts
      ? await attemptWithin(signal, LIMIT_MS, (limited) => target.readColumnTypes(config.target, limited))
      : undefined;
    const table = warehouse.facts
      ? await examineTable(source, config, warehouse.facts, existing?.value, signal)
      : { findings: [unasked('databricks', config)] };
    const found = server.facts
      ? await examineTarget(target, config, table.mapping, signal)
      : [unasked('neon', config)];
    looked += 1;
    onProgress(`looked at ${looked} of ${syncs.length} tables`);
    return [...table.findings, ...found];
  });
  const readings = [warehouse.clock, server.clock].filter((reading) => reading !== undefined);
  const all = [
    ...clockFindings(readings),
    ...warehouse.findings,
    ...server.findings,
    ...ofTables.flat(),
    ...ofStack,
  ];
  return AREAS.flatMap((area) => all.filter((finding) => finding.area === area));
}

function unasked(area: 'databricks' | 'neon', { name, source, target }: SyncConfig): Finding {
  const table = displayTable(area === 'databricks' ? source : target);
  return about(area, table, name).unchecked('table', 'it could not be asked about');
}
