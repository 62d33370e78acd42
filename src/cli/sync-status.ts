import type { ErrorKind } from '../error/error-kind.ts';

/**
 * Where one sync stands, as far as it could be looked at just now. What could not be looked at is left out, never
 * filled from an older look. Times are milliseconds since the epoch.
 */
export interface SyncStatus {
  readonly sync: string;
  /** `unknown` when the checkpoint could not be read. */
  readonly state: 'new' | 'idle' | 'planning' | 'applying' | 'halted' | 'paused' | 'unknown';
  /** What the target shows; `none` when nothing has been applied yet, absent when the target could not be asked. */
  readonly through?: bigint | 'none';
  /** Newest version of the source; absent when the source could not be asked. */
  readonly latest?: bigint;
  /** When the source was last looked at with success. */
  readonly lookedAt?: number;
  /** Ignored while `latest` is absent: a lag behind an unknown version is unknown. */
  readonly lag?: { readonly versions?: bigint; readonly seconds?: number };
  /** Since the sync began; absent when the target could not be asked. */
  readonly rows?: { readonly upserted: bigint; readonly deleted: bigint; readonly rejected: bigint };
  readonly lastError?: {
    readonly kind: ErrorKind;
    readonly message: string;
    readonly remedy: string;
    readonly at: number;
  };
}

/** Whether somebody must act, might look, or neither. */
export type Attention = 'halted' | 'unknown' | 'rejected' | 'paused' | 'fine';

export function attentionOf(status: SyncStatus): Attention {
  if (status.state === 'halted') return 'halted';
  const { through, latest, rows } = normalised(status);
  if (status.state === 'unknown' || through === undefined || latest === undefined || rows === undefined) {
    return 'unknown';
  }
  if (rows.rejected > 0n) return 'rejected';
  return status.state === 'paused' ? 'paused' : 'fine';
}

/** A new sync has applied nothing, whether or not the target said so; no lag is known without the newest version. */
export function normalised(status: SyncStatus): SyncStatus {
  const { lag, through, ...rest } = status;
  const none = through === undefined && status.state === 'new' ? 'none' : through;
  return {
    ...rest,
    ...(none !== undefined && { through: none }),
    ...(lag !== undefined && status.latest !== undefined && { lag }),
  };
}

/** 3 when a sync is halted; 1 when something could not be looked at; else 0. */
export function statusExitCode(statuses: readonly SyncStatus[]): 0 | 1 | 3 {
  const found = statuses.map(attentionOf);
  if (found.includes('halted')) return 3;
  return found.includes('unknown') ? 1 : 0;
}
