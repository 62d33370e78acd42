import { Duration } from 'aws-cdk-lib';
import type { LakeferryConfig } from '../src/config/lakeferry-config.ts';
import { longestWaitSeconds } from '../src/config/schedule.ts';
import { PERIOD } from './metrics.ts';

/** How long an alarm looks back. */
export interface AlarmWindow {
  readonly period: Duration;
  readonly evaluationPeriods: number;
}

/** CloudWatch looks back a day at most where a period is shorter than an hour, and seven days otherwise. */
const [SHORT_LIMIT, LONG_LIMIT] = [86_400, 7 * 86_400];

/** `times` the longest wait for a tick of any sync, and a period more: in it each sync told where it stands. */
export function windowOfSlowest(config: LakeferryConfig, times = 1): AlarmWindow {
  return windowOf(times * Math.max(...secondsOf(config)));
}

/**
 * `times` the shortest wait: in it some tick must have run. Undefined where CloudWatch does not look back as far as one
 * wait: it would miss ticks that are not due.
 */
export function windowOfQuickest(config: LakeferryConfig, times: number): AlarmWindow | undefined {
  const wait = Math.min(...secondsOf(config));
  return wait < LONG_LIMIT ? windowOf(times * wait) : undefined;
}

function secondsOf(config: LakeferryConfig): number[] {
  return [...config.syncs.values()].map(({ schedule }) => longestWaitSeconds(schedule));
}

function windowOf(seconds: number): AlarmWindow {
  const long = seconds + PERIOD.toSeconds() > SHORT_LIMIT;
  const period = long ? Duration.hours(1) : PERIOD;
  const most = (long ? LONG_LIMIT : SHORT_LIMIT) / period.toSeconds();
  const evaluationPeriods = Math.min(most, Math.max(3, Math.ceil(seconds / period.toSeconds()) + 1));
  return { period, evaluationPeriods };
}
