import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import type { SyncConfig } from '../config/sync-config.ts';
import type { Services } from './services.ts';

/** Commits that the target lacks, and seconds since the oldest of them, as far as it is known. */
export interface KnownLag {
  readonly versions: number;
  readonly seconds: number;
}

export function reportLag({ metrics }: Pick<Services, 'metrics'>, config: SyncConfig, lag: KnownLag): void {
  metrics.lag(config.name, { ...lag, overMaxLag: isOverMaxLag(config, lag.seconds) });
}

export function isOverMaxLag({ maxLagSeconds }: SyncConfig, lagSeconds: number): boolean {
  return lagSeconds > maxLagSeconds;
}

/** For a tick that did not look at the source: what an earlier look tells, if there was one. */
export function reportLastLag(
  services: Pick<Services, 'metrics' | 'clock'>,
  config: SyncConfig,
  checkpoint: Checkpoint,
): void {
  const lag = lagAtLastLook(checkpoint, services.clock.now());
  if (lag) reportLag(services, config, lag);
}

/**
 * Of a target that showed all that the last look saw: the age of that look, since nobody has seen the source after it.
 * Of another: the age of the newest commit seen, since the oldest is not known here; it only grows until the target
 * shows it. Undefined before the first load is done.
 */
export function lagAtLastLook({ through, look }: Checkpoint, now: number): KnownLag | undefined {
  if (through === undefined || look === undefined) return undefined;
  const missing = look.latest > through;
  const since = missing ? look.latestCommittedAt : look.at;
  return {
    versions: missing ? Number(look.latest - through) : 0,
    seconds: Math.max(0, Math.round((now - since) / 1_000)),
  };
}
