import { describe, expect, it } from 'vitest';
import {
  defaultMaxLagSeconds,
  durationSeconds,
  longestWaitSeconds,
  maxLagProblem,
  scheduleProblem,
  tickSeconds,
} from '../../src/config/schedule.ts';
import { editDistance, nearest } from '../../src/config/suggestion.ts';
import { parseWarehouseHost } from '../../src/config/warehouse-host.ts';
import { whereProblem } from '../../src/config/where-clause.ts';

describe('a schedule', () => {
  it.each([
    'continuous',
    'rate(1 minute)',
    'rate(5 minutes)',
    'rate(1 hour)',
    'rate(36 hours)',
    'rate(2 days)',
    'cron(0 8 * * ? *)',
    'cron(0/15 * ? * MON-FRI *)',
    'cron(15,45 6-22/2 1,15 JAN,jul ? 2026-2030)',
    'cron(0 0 L * ? *)',
    'cron(0 0 3W * ? *)',
    'cron(0 0 ? * 2#1 *)',
    'cron(0 0 ? * 6L *)',
  ])('may be %s', (expression) => {
    expect(scheduleProblem(expression)).toBeUndefined();
  });

  it.each([
    ['5 minutes', 'write rate(5 minutes), cron(0 8 * * ? *) or continuous'],
    ['at(2026-11-21T00:00:00)', 'write rate(5 minutes), cron(0 8 * * ? *) or continuous'],
    ['rate(1 minutes)', 'write rate(1 minute)'],
    ['rate(5 minute)', 'write rate(5 minutes)'],
    ['rate(0 minutes)', 'write a whole number from 1, one space and a unit, e.g. rate(5 minutes)'],
    ['rate(5  minutes)', 'write a whole number from 1, one space and a unit, e.g. rate(5 minutes)'],
    ['rate(30 seconds)', '"seconds" is not a unit; write minutes, hours or days'],
    [
      'cron(0 8 * * ?)',
      'cron has 5 of 6 fields; write cron(minutes hours day-of-month month day-of-week year)',
    ],
    ['cron(60 8 * * ? *)', '"60" does not fit the minutes field, which goes from 0 to 59'],
    ['cron(0 24 * * ? *)', '"24" does not fit the hours field, which goes from 0 to 23'],
    ['cron(0 8 32 * ? *)', '"32" does not fit the day-of-month field, which goes from 1 to 31'],
    ['cron(0 8 * 13 ? *)', '"13" does not fit the month field, which goes from 1 to 12'],
    ['cron(0 8 ? * 0 *)', '"0" does not fit the day-of-week field, which goes from 1 to 7'],
    ['cron(0 8 ? * 2#1,3#2 *)', '"2#1,3#2" does not fit the day-of-week field, which goes from 1 to 7'],
    ['cron(30-10 8 * * ? *)', '"30-10" does not fit the minutes field, which goes from 0 to 59'],
    ['cron(0/0 8 * * ? *)', '"0/0" does not fit the minutes field, which goes from 0 to 59'],
    ['cron(0 8 * * * *)', 'exactly one of day-of-month and day-of-week must be "?"'],
    ['cron(0 8 ? * ? *)', 'exactly one of day-of-month and day-of-week must be "?"'],
  ])('may not be %s', (expression, problem) => {
    expect(scheduleProblem(expression)).toBe(problem);
  });
});

describe('the time between two ticks', () => {
  it.each([
    ['continuous', 60],
    ['rate(1 minute)', 60],
    ['rate(36 hours)', 129_600],
    ['rate(2 days)', 172_800],
    ['cron(0 8 * * ? *)', undefined],
  ])('of %s is %s seconds', (schedule, seconds) => {
    expect(tickSeconds(schedule)).toBe(seconds);
  });

  it.each([
    ['rate(36 hours)', 1.5],
    ['cron(0 8 * * ? *)', 1],
    ['cron(0 8 ? * mon-fri *)', 3],
    ['cron(0 8 ? * MON,THU *)', 4],
    ['cron(0 8 ? * 1/3 *)', 3],
    ['cron(0 8 ? * MON *)', 7],
    ['cron(0 8 ? * L *)', 35],
    ['cron(0 8 ? * MON#1 *)', 35],
    ['cron(0 8 1 * ? *)', 31],
    ['cron(0 8 1 JAN ? *)', 366],
    ['cron(0 8 * * ? 2030)', 366],
  ])('of %s is %s days at most', (schedule, days) => {
    expect(scheduleProblem(schedule)).toBeUndefined();
    expect(longestWaitSeconds(schedule)).toBe(days * 86_400);
  });

  it.each([
    ['cron(0/5 * * * ? *)', 5 / 60],
    ['cron(* * * * ? *)', 1 / 60],
    ['cron(0,10 * * * ? *)', 50 / 60],
    ['cron(30 6,22 * * ? *)', 16],
    ['cron(0/15 8-18 * * ? *)', 13.25],
    ['cron(0/15 8-18 ? * MON-FRI *)', 48 + 13.25],
    ['cron(0 8/6 ? * MON,THU *)', 72 + 12],
  ])('of %s is %s hours at most', (schedule, hours) => {
    expect(scheduleProblem(schedule)).toBeUndefined();
    expect(longestWaitSeconds(schedule)).toBe(hours * 3_600);
  });

  it('is kept four times before a lag is too long, and half an hour at least', () => {
    expect(defaultMaxLagSeconds('rate(1 minute)')).toBe(1_800);
    expect(defaultMaxLagSeconds('rate(1 hour)')).toBe(14_400);
    expect(defaultMaxLagSeconds('cron(0 8 * * ? *)')).toBe(90_000);
    expect(defaultMaxLagSeconds('cron(0 8 ? * MON *)')).toBe(7 * 86_400 + 3_600);
  });
});

describe('a lag', () => {
  it('is a whole number and a unit', () => {
    expect(durationSeconds('90 minutes')).toBe(5_400);
    expect(maxLagProblem('1 day')).toBeUndefined();
    for (const text of ['90', '90m', '0 minutes', '1.5 hours', '1 days', '10 seconds', '']) {
      expect(maxLagProblem(text), text).toContain('e.g. 30 minutes, 2 hours or 1 day');
    }
  });
});

describe('a where clause', () => {
  it.each([
    "region = 'EU' and (active or vip)",
    "note = 'a;b -- c /* d'",
    'note = "it\\";s"',
    "note = 'it''s; fine'",
    "path = r'c:\\' and active",
    '`odd;name` is not null',
    'a - -1 > 0',
  ])('may be %j', (text) => {
    expect(whereProblem(text)).toBeUndefined();
  });

  it.each([
    ['  ', 'is empty; leave the key out to sync every row'],
    ['a = 1; drop table x', 'holds a semicolon; write one predicate, not a statement'],
    ['a = 1 -- b', 'holds a comment ("--"); write the predicate alone'],
    ['a /* b */ = 1', 'holds a comment ("/*"); write the predicate alone'],
    ["a = 'b", "has a quote (') that is never closed"],
    ["a = 'b\\'", "has a quote (') that is never closed"],
    ['a) or (b', 'closes a parenthesis that it did not open'],
    ['(a', 'leaves a parenthesis open'],
  ])('may not be %j', (text, problem) => {
    expect(whereProblem(text)).toBe(problem);
  });
});

describe('a suggestion', () => {
  it.each([
    ['keys', 'primaryKey'],
    ['primary_key', 'primaryKey'],
    ['shedule', 'schedule'],
    ['maxchunkrows', 'maxChunkRows'],
    ['wehre', 'where'],
    ['zebra', undefined],
    ['', undefined],
  ])('for %j is %j', (word, expected) => {
    expect(nearest(word, ['source', 'primaryKey', 'schedule', 'maxChunkRows', 'where'])).toBe(expected);
  });

  it('counts a swap of neighbours as one edit', () => {
    expect(editDistance('wehre', 'where')).toBe(1);
    expect(editDistance('', 'abc')).toBe(3);
    expect(editDistance('kitten', 'sitting')).toBe(3);
  });
});

describe('a warehouse host', () => {
  it.each([
    ['dbc-1.cloud.databricks.com', { host: 'dbc-1.cloud.databricks.com', port: 443 }],
    ['https://DBC-1.cloud.databricks.com/', { host: 'dbc-1.cloud.databricks.com', port: 443 }],
    ['127.0.0.1:8443', { host: '127.0.0.1', port: 8443 }],
    ['http://x.y', undefined],
    ['x.y/sql', undefined],
    ['user@x.y', undefined],
    ['x.y:70000', undefined],
    ['', undefined],
  ])('from %j is %j', (text, expected) => {
    expect(parseWarehouseHost(text)).toEqual(expected);
  });
});
