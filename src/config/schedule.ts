/**
 * The grammar of EventBridge Scheduler's recurring expressions: `rate(value unit)` and `cron(…)` with six fields.
 * Source: Amazon EventBridge Scheduler User Guide, "Schedule types".
 */

const DAY_SECONDS = 86_400;
const UNIT_SECONDS: Readonly<Record<string, number>> = { minute: 60, hour: 3_600, day: DAY_SECONDS };
const UNITS = Object.keys(UNIT_SECONDS);

/** Instead of an expression: the planner ticks each minute and polls in between. */
export const CONTINUOUS = 'continuous';

interface CronField {
  readonly name: string;
  readonly lowest: number;
  readonly highest: number;
  /** Words that stand for `lowest`, `lowest + 1`, … */
  readonly words?: readonly string[];
  /** Forms of this field alone, beside `*`, values, ranges, lists and steps. */
  readonly special?: RegExp;
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];
const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT'];

const CRON_FIELDS: readonly CronField[] = [
  { name: 'minutes', lowest: 0, highest: 59 },
  { name: 'hours', lowest: 0, highest: 23 },
  {
    name: 'day-of-month',
    lowest: 1,
    highest: 31,
    special: /^(\?|L|LW|L-([1-9]|[12][0-9]|30)|([1-9]|[12][0-9]|3[01])W)$/,
  },
  { name: 'month', lowest: 1, highest: 12, words: MONTHS },
  {
    name: 'day-of-week',
    lowest: 1,
    highest: 7,
    words: DAYS,
    special: /^(\?|L|([1-7]|SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5]))$/,
  },
  { name: 'year', lowest: 1970, highest: 2199 },
];

/** What is wrong with a schedule, as part of a sentence; undefined when it is right. */
export function scheduleProblem(expression: string): string | undefined {
  if (expression === CONTINUOUS) return undefined;
  const call = /^(rate|cron)\((.*)\)$/.exec(expression);
  if (!call) return 'write rate(5 minutes), cron(0 8 * * ? *) or continuous';
  const [, form, inside] = call as unknown as [string, string, string];
  return form === 'rate' ? rateProblem(inside) : cronProblem(inside);
}

/** Seconds between two ticks of a valid schedule; undefined for cron, whose ticks need not be even. */
export function tickSeconds(schedule: string): number | undefined {
  if (schedule === CONTINUOUS) return 60;
  return durationSeconds(/^rate\((.*)\)$/.exec(schedule)?.[1] ?? '');
}

/** Seconds that a valid schedule waits for a tick at most. */
export function longestWaitSeconds(schedule: string): number {
  return tickSeconds(schedule) ?? cronWaitSeconds(schedule.replace(/^cron\(|\)$/g, '').split(/\s+/));
}

/** The longer of the waits within a day that the fields name, and from its last tick to the first of the next such day. */
function cronWaitSeconds(fields: readonly string[]): number {
  const [minutes, hours] = [valuesOf(0, fields[0]), valuesOf(1, fields[1])];
  const ticks = hours.flatMap((hour) => minutes.map((minute) => hour * 3_600 + minute * 60));
  const nextDay = (ticks[0] as number) + cronWaitDays(fields) * DAY_SECONDS;
  return Math.max(...ticks.map((tick, index) => (ticks[index + 1] ?? nextDay) - tick));
}

function cronWaitDays([, , day = '', month = '', weekday = '', year = '']: readonly string[]): number {
  const namesSome = (field: string): boolean => field !== '*' && field !== '?';
  if (namesSome(month) || namesSome(year)) return 366;
  if (namesSome(day)) return 31;
  return namesSome(weekday) ? weekdayWaitDays(weekday.toUpperCase()) : 1;
}

function weekdayWaitDays(text: string): number {
  const field = CRON_FIELDS[4] as CronField;
  // The last, or a certain one, of a month.
  if (field.special?.test(text)) return 35;
  const days = valuesOf(4, text);
  return Math.max(...days.map((day, index) => (days[index + 1] ?? (days[0] as number) + 7) - day));
}

/** What a field of cron names, in order. */
function valuesOf(index: number, text = ''): readonly number[] {
  const field = CRON_FIELDS[index] as CronField;
  const all = Array.from({ length: field.highest - field.lowest + 1 }, (_, each) => field.lowest + each);
  return all.filter((value) => text.split(',').some((item) => names(field, item, value)));
}

/** Whether an item of a field's list names the value. */
function names(field: CronField, item: string, value: number): boolean {
  const [range = '', step] = item.split('/');
  const [first, last] =
    range === '*' ? [field.lowest, field.highest] : range.split('-').map((end) => numberOf(field, end));
  const end = last ?? (step === undefined ? first : field.highest);
  return (
    value >= (first as number) &&
    value <= (end as number) &&
    (value - (first as number)) % Number(step ?? 1) === 0
  );
}

/** `90 minutes` in seconds; undefined for what is not a whole number and a unit. */
export function durationSeconds(text: string): number | undefined {
  if (rateProblem(text) !== undefined) return undefined;
  const [value, unit] = text.split(' ') as [string, string];
  return Number(value) * (UNIT_SECONDS[unit.replace(/s$/, '')] as number);
}

/** Where a sync has no maxLag of its own. */
export function defaultMaxLagSeconds(schedule: string): number {
  const seconds = tickSeconds(schedule);
  return seconds === undefined ? longestWaitSeconds(schedule) + 3_600 : Math.max(4 * seconds, 30 * 60);
}

/** What is wrong with a maxLag, as part of a sentence; undefined when it is right. */
export function maxLagProblem(text: string): string | undefined {
  if (durationSeconds(text) !== undefined) return undefined;
  return 'is not a time: write a whole number from 1, one space and a unit, e.g. 30 minutes, 2 hours or 1 day';
}

function rateProblem(inside: string): string | undefined {
  const match = /^([1-9][0-9]{0,8}) ([a-z]+)$/.exec(inside);
  if (!match) return 'write a whole number from 1, one space and a unit, e.g. rate(5 minutes)';
  const [, value, unit] = match as unknown as [string, string, string];
  const base = unit.replace(/s$/, '');
  if (!UNITS.includes(base)) return `"${unit}" is not a unit; write minutes, hours or days`;
  const right = value === '1' ? base : `${base}s`;
  return unit === right ? undefined : `write rate(${value} ${right})`;
}

function cronProblem(inside: string): string | undefined {
  const fields = inside.trim().split(/\s+/);
  if (fields.length !== CRON_FIELDS.length) {
    const names = CRON_FIELDS.map((field) => field.name).join(' ');
    return `cron has ${fields.length} of 6 fields; write cron(${names})`;
  }
  for (const [index, field] of CRON_FIELDS.entries()) {
    const text = fields[index] as string;
    if (!isFieldValid(field, text.toUpperCase())) {
      return `"${text}" does not fit the ${field.name} field, which goes from ${field.lowest} to ${field.highest}`;
    }
  }
  const unspecified = [fields[2], fields[4]].filter((text) => text === '?').length;
  return unspecified === 1 ? undefined : 'exactly one of day-of-month and day-of-week must be "?"';
}

function isFieldValid(field: CronField, text: string): boolean {
  if (field.special?.test(text)) return true;
  return text.split(',').every((item) => {
    const [range, step, ...more] = item.split('/');
    if (more.length > 0 || range === undefined) return false;
    if (step !== undefined && !(/^[1-9][0-9]{0,3}$/.test(step) && Number(step) <= field.highest))
      return false;
    if (range === '*') return true;
    const ends = range.split('-').map((end) => numberOf(field, end));
    if (ends.length > 2 || ends.some((end) => end === undefined)) return false;
    return ends.length === 1 || (ends[0] as number) <= (ends[1] as number);
  });
}

function numberOf(field: CronField, text: string): number | undefined {
  const word = field.words?.indexOf(text) ?? -1;
  if (word >= 0) return field.lowest + word;
  if (!/^[0-9]{1,4}$/.test(text)) return undefined;
  const number = Number(text);
  return number >= field.lowest && number <= field.highest ? number : undefined;
}
