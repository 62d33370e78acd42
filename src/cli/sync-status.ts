import type { SyncStatus } from '../sync/read-status.ts';

/** Whether somebody must act, might look, or neither; a pause hides only what may wait until it is over. */
export type Attention = 'halted' | 'late' | 'unknown' | 'drift' | 'rejected' | 'paused' | 'unloaded' | 'fine';

export function attentionOf(status: SyncStatus): Attention {
  if (status.state === 'halted' || status.paused?.halted) return 'halted';
  if (status.overMaxLag) return 'late';
  const { through, latest, lag, rejectedKeys } = normalised(status);
  if (
    status.state === 'unknown' ||
    through === undefined ||
    latest === undefined ||
    (lag !== undefined && lag.seconds === undefined) ||
    rejectedKeys === undefined
  ) {
    return 'unknown';
  }
  if (status.drift !== undefined) return 'drift';
  if (status.state === 'paused') return 'paused';
  if (rejectedKeys > 0n) return 'rejected';
  const isIdle = status.state === 'new' || status.state === 'idle';
  return isIdle && through === 'none' ? 'unloaded' : 'fine';
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

/** 3 when a sync is halted, over its maxLag or drifts, a halt behind a pause too; 1 for what is unknown; else 0. */
export function statusExitCode(statuses: readonly SyncStatus[]): 0 | 1 | 3 {
  const found = new Set(statuses.map(attentionOf));
  if (found.has('halted') || found.has('late') || found.has('drift')) return 3;
  return found.has('unknown') ? 1 : 0;
}
