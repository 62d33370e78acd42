import { type Checkpoint, haltCauseOf } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import { asSyncError, SyncError } from '../error/sync-error.ts';
import type { SourceLook } from '../source/source.ts';
import type { SyncRow } from '../target/target.ts';
import { within } from '../telemetry/abort.ts';
import { type Attempt, attempt } from './attempt.ts';
import { isOverMaxLag } from './lag.ts';
import { keepLoadedColumns, resolveMapping } from './resolve-mapping.ts';
import type { Services } from './services.ts';

/**
 * Where one sync stands, as far as it could be looked at just now. What could not be looked at is left out, never
 * filled from an older look. Times are milliseconds since the epoch.
 */
export interface SyncStatus {
  readonly sync: string;
  /** `unknown` when the checkpoint could not be read. */
  readonly state: Checkpoint['state'] | 'unknown';
  /** What the target shows; `none` when nothing has been applied yet, absent when the target could not be asked. */
  readonly through?: bigint | 'none';
  /** Newest version of the source; absent when the source could not be asked. */
  readonly latest?: bigint;
  /** When a planner last looked at the source with success; absent when none has, or the checkpoint is not known. */
  readonly lookedAt?: number;
  /** Commits that the target lacks, and the age of the oldest of them in seconds. */
  readonly lag?: { readonly versions?: bigint; readonly seconds?: number };
  /** Never so while the sync is paused or before the first load; absent where that or the lag is not known. */
  readonly overMaxLag?: boolean;
  /** Since the target was first loaded; absent when it could not be asked. */
  readonly rows?: { readonly upserted: bigint; readonly deleted: bigint; readonly rejected: bigint };
  /** Keys that are put aside at this moment; absent when the target could not be asked. */
  readonly rejectedKeys?: bigint;
  /** Columns that came to the source after the target was loaded, and are left out; absent when there are none. */
  readonly drift?: readonly string[];
  /** Chunks of the plan in flight. */
  readonly chunks?: { readonly done: number; readonly total: number };
  /** Part of the configured rows per chunk and writers that the target bears now; absent at full pace. */
  readonly pace?: number;
  readonly lastError?: StatusError;
  /**
   * Who paused the sync, why (may be empty) and when, and whether it is halted as well: `lastError` is the cause then.
   * Absent when it is not paused.
   */
  readonly paused?: {
    readonly by: string;
    readonly reason: string;
    readonly at: number;
    readonly halted: boolean;
  };
}

export type StatusError = Pick<SyncError, 'kind' | 'message' | 'remedy'> & { readonly at: number };

/** A warehouse may take minutes to start: what else there is to see is told before. */
const LOOK_LIMIT_MS = 30_000;

/**
 * Looks at checkpoint, target and source of every sync. Never throws for what cannot be reached, nor for a source that
 * does not answer within `lookLimitMs`: it says so.
 */
export async function readStatus(
  services: Services,
  syncs: Iterable<SyncConfig>,
  signal: AbortSignal,
  lookLimitMs = LOOK_LIMIT_MS,
): Promise<SyncStatus[]> {
  const [rows, rejected] = await Promise.all([
    attempt(() => services.target.readRows(signal)),
    attempt(() => services.target.countRejected(signal)),
  ]);
  const seen: SeenFirst = { rows, rejected, lookLimitMs };
  return Promise.all([...syncs].map((sync) => statusOf(services, sync, seen, signal)));
}

/** What the target says of all syncs, and how long a source may take to answer. */
interface SeenFirst {
  readonly lookLimitMs: number;
  readonly rows: Attempt<ReadonlyMap<string, SyncRow>>;
  readonly rejected: Attempt<ReadonlyMap<string, bigint>>;
}

async function statusOf(
  services: Services,
  config: SyncConfig,
  { rows, rejected, lookLimitMs }: SeenFirst,
  signal: AbortSignal,
): Promise<SyncStatus> {
  const { checkpoints, source, clock } = services;
  const now = clock.now();
  const [stored, look] = await Promise.all([
    attempt(() => checkpoints.read(config.name, signal)),
    attempt(() => lookWithin(lookLimitMs, source, config, signal)),
  ]);
  const checkpoint = stored.value?.checkpoint;
  const row = rows.value?.get(config.name);
  const lookedAt = checkpoint?.look?.at;
  const { lag, error: lagError } =
    row && look.value ? await lagOf(services, config, row, look.value, signal) : {};
  const failure = stored.error ?? rows.error ?? rejected.error ?? look.error ?? lagError;
  const through = rows.value ? (row?.through ?? 'none') : undefined;
  const overMaxLag = overMaxLagOf(config, checkpoint?.state, through, lag);
  const drift = row && look.value ? await driftOf(services, config, row, signal) : [];
  const chunks =
    checkpoint && 'plan' in checkpoint ? await chunksOf(services, checkpoint.plan, signal) : undefined;
  const cause = checkpoint && haltCauseOf(checkpoint);
  const lastError = cause ?? (failure && { ...wordsOf(failure, config), at: now });
  return {
    sync: config.name,
    state: checkpoint?.state ?? 'unknown',
    ...(through === undefined ? {} : { through }),
    ...(look.value ? { latest: look.value.latest.version } : {}),
    ...(lookedAt === undefined ? {} : { lookedAt }),
    ...(lag ? { lag } : {}),
    ...(overMaxLag === undefined ? {} : { overMaxLag }),
    ...(rows.value ? { rows: totalsOf(row) } : {}),
    ...(rejected.value ? { rejectedKeys: rejected.value.get(config.name) ?? 0n } : {}),
    ...(drift.length > 0 ? { drift } : {}),
    ...(chunks ? { chunks } : {}),
    ...(checkpoint?.pace && checkpoint.pace.share < 1 ? { pace: checkpoint.pace.share } : {}),
    ...(lastError ? { lastError } : {}),
    ...(checkpoint?.state === 'paused' ? { paused: pauseOf(checkpoint) } : {}),
  };
}

function lookWithin(
  limitMs: number,
  source: Services['source'],
  { source: table }: SyncConfig,
  signal: AbortSignal,
): Promise<SourceLook> {
  const message = `The SQL warehouse did not answer within ${Math.round(limitMs / 1_000)} s; it may be starting.`;
  const late = (cause: unknown) => new SyncError('source_unavailable', message, {}, { cause });
  return within(signal, limitMs, (limited) => source.look(table, limited), late);
}

async function lagOf(
  { source, clock }: Services,
  config: SyncConfig,
  { through, sourceTableId }: SyncRow,
  { latest, tableId }: SourceLook,
  signal: AbortSignal,
): Promise<{ readonly lag?: NonNullable<SyncStatus['lag']>; readonly error?: SyncError }> {
  // Versions of another table say nothing about this one.
  if (through === undefined || sourceTableId !== tableId || latest.version < through) return {};
  if (latest.version === through) return { lag: { versions: 0n, seconds: 0 } };
  const window = { after: through, through: latest.version };
  const versions = latest.version - through;
  const { value: history, error } = await attempt(() => source.readHistory(config.source, window, signal));
  if (error) return { lag: { versions }, error };
  const oldest = history[0];
  if (!oldest) return { lag: { versions } };
  return {
    lag: { versions, seconds: Math.max(0, Math.round((clock.now() - oldest.committedAt) / 1_000)) },
  };
}

function overMaxLagOf(
  config: SyncConfig,
  state: Checkpoint['state'] | undefined,
  through: SyncStatus['through'],
  lag: SyncStatus['lag'],
): boolean | undefined {
  if (state === 'paused' || state === 'new' || through === 'none') return false;
  if (state === undefined || lag?.seconds === undefined) return undefined;
  return isOverMaxLag(config, lag.seconds);
}

async function driftOf(
  { source }: Services,
  config: SyncConfig,
  { through, plan }: SyncRow,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (through === undefined || !plan) return [];
  const kept = await attempt(async () => {
    const columns = await source.readColumns(config.source, signal);
    return keepLoadedColumns(resolveMapping(config, columns, undefined), plan.mapping, config);
  });
  return kept.value?.leftOut ?? [];
}

async function chunksOf(
  { checkpoints }: Services,
  plan: { readonly id: string; readonly slices: number } | undefined,
  signal: AbortSignal,
): Promise<SyncStatus['chunks']> {
  if (!plan) return undefined;
  const progress = await attempt(() => checkpoints.readProgress(plan.id, signal));
  return progress.value && { done: progress.value.done.size, total: plan.slices };
}

function pauseOf({
  by,
  reason,
  at,
  cause,
}: Extract<Checkpoint, { state: 'paused' }>): NonNullable<SyncStatus['paused']> {
  return { by, reason, at, halted: cause !== undefined };
}

function totalsOf(row: SyncRow | undefined): NonNullable<SyncStatus['rows']> {
  return {
    upserted: row?.rowsUpserted ?? 0n,
    deleted: row?.rowsDeleted ?? 0n,
    rejected: row?.rowsRejected ?? 0n,
  };
}

function wordsOf(error: SyncError, config: SyncConfig): Pick<SyncError, 'kind' | 'message' | 'remedy'> {
  const { kind, message, remedy } = asSyncError(error, { sync: config.name });
  return { kind, message, remedy };
}
