/** Numbers, times and ages as people read them: separators, UTC, one unit. JSON has them raw. */

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `1,907` */
export function formatCount(count: number | bigint): string {
  return count.toLocaleString('en-US');
}

/** `1 row`, `1,907 rows` */
export function formatNumber(count: number | bigint, one: string, many = `${one}s`): string {
  return `${formatCount(count)} ${BigInt(count) === 1n ? one : many}`;
}

/** `41 s`, `2 min`, `3 h`, `2 d`: the largest unit that is reached, days from two on. */
export function formatAge(ms: number): string {
  const age = Math.max(0, ms);
  if (age < MINUTE) return `${Math.floor(age / SECOND)} s`;
  if (age < HOUR) return `${Math.floor(age / MINUTE)} min`;
  if (age < 2 * DAY) return `${Math.floor(age / HOUR)} h`;
  return `${formatCount(Math.floor(age / DAY))} d`;
}

/** `41 s ago` */
export function formatAgo(at: number, now: number): string {
  return `${formatAge(now - at)} ago`;
}

/** How long something took: `0.4 s`, `38 s`, `3 h 12 min`. */
export function formatDuration(ms: number): string {
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)} s`;
  if (ms < MINUTE) return `${Math.round(ms / SECOND)} s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)} min ${Math.floor((ms % MINUTE) / SECOND)} s`;
  return `${Math.floor(ms / HOUR)} h ${Math.floor((ms % HOUR) / MINUTE)} min`;
}

/** `21 Nov 14:32:07 UTC`, with the year where it is not this one. */
export function formatInstant(at: number, now: number): string {
  const date = new Date(at);
  const month = date.toLocaleString('en-GB', { month: 'short', timeZone: 'UTC' });
  const year = date.getUTCFullYear() === new Date(now).getUTCFullYear() ? '' : ` ${date.getUTCFullYear()}`;
  return `${date.getUTCDate()} ${month}${year} ${date.toISOString().slice(11, 19)} UTC`;
}

/** `none`, `3 v, 42 s`, or what of the two is known. */
export function formatLag(lag: { readonly versions?: bigint; readonly seconds?: number }): string {
  if (lag.versions === 0n) return 'none';
  const parts = [
    ...(lag.versions === undefined ? [] : [`${formatCount(lag.versions)} v`]),
    ...(lag.seconds === undefined ? [] : [formatAge(lag.seconds * SECOND)]),
  ];
  return parts.length > 0 ? parts.join(', ') : 'unknown';
}
