import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { HaltCause } from '../../src/checkpoint/checkpoint.ts';
import { jsonDocument } from '../../src/cli/json-document.ts';
import { planJson } from '../../src/cli/plan-json.ts';
import { renderPlan } from '../../src/cli/plan-report.ts';
import { planExitCode } from '../../src/cli/plan-sentence.ts';
import { createStyle } from '../../src/cli/style.ts';
import type { Plan } from '../../src/plan/plan.ts';
import type { Finding, PlanPreview, Unknown, WorkPreview } from '../../src/sync/plan-preview.ts';
import { aPlan } from '../support/plans.ts';
import { aSync } from '../support/syncs.ts';

const NOW = Date.UTC(2026, 10, 21, 14, 32, 7);
const v = parseCommitVersion;
const CONFIG = { ...aSync('main.gold.orders', 'app.orders', ['id']), name: 'orders' };
const WINDOW: Plan = aPlan({
  sync: 'orders',
  slices: 2,
  work: { kind: 'window', after: v(5410), through: v(5413) },
});
const SNAPSHOT: Plan = { ...WINDOW, slices: 1, work: { kind: 'snapshot', version: v(5413) } };

const FREE: PlanPreview = {
  config: CONFIG,
  lookedAt: NOW - 2_000,
  standing: { state: 'free' },
  next: undefined,
  leftOut: [],
  rejectedKeys: 0n,
  halts: [],
  unknown: [],
};
const WORK: WorkPreview = {
  plan: WINDOW,
  committed: { first: NOW - 207_000, last: NOW - 42_000 },
  changes: { kind: 'estimate', rows: 182_000, from: 'history' },
  table: { outcome: 'fits', untouched: [] },
  deletes: { kind: 'estimate', rows: 0, weight: undefined },
};
const MASS_DELETE: Finding = {
  of: 'deletes',
  kind: 'mass_delete',
  message: 'The window deletes about 41200 of 343000 rows.',
  remedy: 'If the rows are meant to go, run "lakeferry approve orders".',
};
const BRAKED: WorkPreview = {
  ...WORK,
  deletes: { kind: 'exact', rows: 41_200, weight: { rows: 343_000, estimated: false, halts: true } },
};
const CAUSE: HaltCause = {
  kind: 'retention_gap',
  message: 'The changes after version 5410 have expired.',
  remedy: 'Drop the target table, then run "lakeferry run orders".',
  at: NOW - 10_800_000,
};
const BLIND: Unknown = {
  of: 'source',
  kind: 'source_unavailable',
  message: 'The warehouse does not answer.',
  remedy: 'Check that the SQL warehouse runs.',
};

const planned = (work: Partial<WorkPreview> = {}, over: Partial<PlanPreview> = {}): PlanPreview => ({
  ...FREE,
  next: { step: 'plan', ...WORK, ...work },
  ...over,
});
const upToDate = (over: Partial<PlanPreview> = {}): PlanPreview => ({
  ...FREE,
  next: { step: 'nothing', version: v(5413) },
  ...over,
});

function render(previews: readonly PlanPreview[], width = 120): string[] {
  return renderPlan(previews, { now: NOW, width, style: createStyle({ colour: false, unicode: true }) });
}

/** The lines of one subject, joined. */
function lineOf(name: string, ...previews: PlanPreview[]): string | undefined {
  return render(previews, 1_000).find((line) => line.startsWith(`  ${name} `));
}

describe('the plan screen', () => {
  it('is a line for each subject, what can be pasted below it, and one sentence that counts', () => {
    const leftOut = [{ name: 'gift_note', type: 'string' }];
    const table = { outcome: 'fits', untouched: ['note'] } as const;
    const preview = planned({ ...BRAKED, table }, { leftOut, halts: [MASS_DELETE] });
    expect(render([preview])).toEqual([
      'orders     main.gold.orders → app.orders  (nothing is written by this command)',
      '  window     after 5,410 through 5,413: 3 commits, 21 Nov 14:28:40 to 14:31:25 UTC',
      '  changes    about 182,000 (an estimate from DESCRIBE HISTORY; --exact counts them)',
      '  work       2 slices, 2 chunks, one transaction each, 2 at once; readers never wait, and see some changes before others',
      '  schema     = the table fits; 1 column of yours that Lakeferry does not touch: note',
      '             ! 1 new column left out, since the rows that are loaded lack them: gift_note string. To take them in:',
      '               drop the target table, then run "lakeferry run orders".',
      '  deletes    ! exactly 41,200 rows, 12 % of 343,000 in the target. The brake is 50 %. The writer is expected to halt',
      '             before them. After the halt, if the rows are meant to go:',
      '               lakeferry approve orders',
      '',
      '1 window to apply, 1 column left out, 1 halt expected.',
    ]);
  });

  it('is one sentence where one sync has nothing to do', () => {
    expect(render([upToDate()])).toEqual(['orders is up to date at version 5,413 (looked 2 s ago).']);
    expect(render([upToDate(), upToDate()]).at(-1)).toBe('2 syncs up to date.');
    const rejected = render([upToDate({ rejectedKeys: 17n })]);
    expect(rejected).toEqual([
      'orders is up to date at version 5,413 (looked 2 s ago).',
      '  rejected   ! 17 rows put aside, which no tick tries again by itself:',
      '               lakeferry rejected orders',
      '',
      '1 sync up to date.',
    ]);
  });

  it('shows the statements of a table that is created, ready to paste', () => {
    const statements = ['create schema "app"', 'create table "app"."orders" (\n  "id" bigint\n)'];
    const table = { outcome: 'missing', statements } as const;
    const changes = { kind: 'estimate', rows: 7, from: 'count' } as const;
    const screen = render([
      planned({ plan: SNAPSHOT, committed: undefined, changes, table, deletes: undefined }),
    ]);
    expect(screen).toContain('  snapshot   version 5,413, whole');
    expect(screen).toContain(
      '  changes    at most 7 rows (all of the source; --exact counts those that fit)',
    );
    const at = screen.indexOf('  schema     + the table is created:');
    expect(screen.slice(at + 1, at + 5).map((line) => line.slice(15))).toEqual([
      'create schema "app";',
      'create table "app"."orders" (',
      '  "id" bigint',
      ');',
    ]);
    expect(screen.at(-1)).toBe('1 table to load, 1 table to create.');
  });

  it('names the system in what is to be typed, and leaves statements as they are', () => {
    const statements = [`comment on column "app"."orders"."id" is 'see lakeferry status'`];
    const table = { outcome: 'missing', statements } as const;
    const style = createStyle({ colour: false, unicode: true }, { deployment: 'prod' });
    const lines = renderPlan([planned({ table }, { rejectedKeys: 2n })], { now: NOW, width: 120, style });
    expect(lines.map((line) => line.trim())).toEqual(
      expect.arrayContaining([`${statements[0]};`, 'lakeferry rejected orders --deployment prod']),
    );
  });

  it('never lets an estimate look like a count', () => {
    const texts = (
      [
        { kind: 'estimate', rows: 5, from: 'history' },
        { kind: 'estimate', rows: 5, from: 'count' },
        { kind: 'exact', upserts: 5, deletes: 1, rejected: 0, conflicts: 0 },
        { kind: 'exact', upserts: 1, deletes: 0, rejected: 2, conflicts: 0 },
      ] as const
    ).map((changes) => lineOf('changes', planned({ changes }))?.replace(/ \(.*/, ''));
    expect(texts).toEqual([
      '  changes    about 5',
      '  changes    at most 5',
      '  changes    exactly 5 upserts, 1 delete',
      '  changes    exactly 1 upsert, 0 deletes, 2 rows that Postgres cannot hold',
    ]);
  });

  it('weighs deletes against the target and its brake', () => {
    const deletes = (rows: number, weight?: { rows: number; estimated: boolean }, over: Partial<Plan> = {}) =>
      lineOf(
        'deletes',
        planned({
          plan: { ...WINDOW, ...over },
          deletes: { kind: 'estimate', rows, weight: weight && { ...weight, halts: false } },
        }),
      )?.slice(13);
    expect(deletes(0)).toBe('about 0 rows (an estimate from DESCRIBE HISTORY)');
    expect(deletes(3, { rows: 343_000, estimated: true })).toBe(
      'about 3 rows, less than 1 % of about 343,000 in the target (an estimate from DESCRIBE HISTORY). The brake of 50 % leaves fewer than 1,000 rows alone.',
    );
    expect(deletes(2_000, { rows: 0, estimated: false })).toContain('100 % of 0 in the target');
    const settings = (mapping: Partial<Plan['mapping']>) => ({ mapping: { ...WINDOW.mapping, ...mapping } });
    const large = { rows: 9_000, estimated: false };
    expect(deletes(2_000, large, settings({ maxDeletePercent: 100 }))).toContain('There is no brake.');
    expect(deletes(2_000, large, settings({ where: 'a > 1' }))).toContain(
      'which does not tell what enters or leaves the filter',
    );
    expect(deletes(2_000, large, settings({ deletes: { mode: 'ignore' } }))).toContain('are left out');
    const none = planned({ deletes: { kind: 'exact', rows: 0, weight: undefined } });
    expect(lineOf('deletes', none)).toBe('  deletes    none');
  });

  it('says what readers see of one slice and of many', () => {
    const one = { ...WINDOW, slices: 1 };
    expect(lineOf('work', planned({ plan: one }))).toContain('one transaction, unless it has to be halved');
    expect(lineOf('work', planned({ plan: { ...one, divisible: false } }))).toContain(
      'one transaction; readers never wait, and see all of it at once',
    );
    expect(lineOf('work', planned({ plan: { ...SNAPSHOT, slices: 8, writers: 4 } }))).toContain(
      '8 chunks, one transaction each, 4 at once; readers never wait, and see the table fill',
    );
  });

  it('says what stands in the way, and what would come after it', () => {
    const halted = planned({}, { standing: { state: 'halted', cause: CAUSE } });
    const screen = render([halted]);
    expect(screen[1]).toMatch(/^ {2}state +✗ halted 3 h ago, retention_gap: The changes after/);
    expect(screen).toContain(`               ${CAUSE.remedy}`);
    expect(screen.at(-1)).toBe('1 window waiting, 1 sync halted.');

    const paused = { state: 'paused', by: 'ana', reason: 'index build', at: NOW - 200_000_000 } as const;
    const both = render([planned({ plan: SNAPSHOT }, { standing: { ...paused, cause: CAUSE } })], 1_000);
    expect(both[1]).toBe('  state      ‖ paused by ana 2 d ago, "index build"; nothing is planned until:');
    expect(both[2]).toBe('               lakeferry resume orders');
    expect(both[3]).toContain('halted 3 h ago');
    expect(both.at(-1)).toBe('1 load waiting, 1 sync halted, 1 sync paused.');

    const undeployed = { state: 'undeployed', why: 'There is no deployment "prod".' } as const;
    expect(lineOf('state', planned({}, { standing: undeployed }))).toContain(
      'There is no deployment "prod".',
    );
    const planning = { state: 'planning', leaseUntil: NOW + 60_000 } as const;
    expect(lineOf('state', planned({}, { standing: planning }))).toContain('until 21 Nov 14:33:07 UTC');
  });

  it('tells a plan in flight and what waits behind it', () => {
    const flying = { step: 'goes_on', plan: WINDOW, done: 1, latest: v(5416) } as const;
    expect(render([{ ...FREE, standing: { state: 'applying' }, next: flying }], 1_000).slice(1)).toEqual([
      '  plan       › the window through 5,413 is in flight, and nothing else is planned before its end, 1 of 2 slices known to be applied',
      '  then       3 more commits, through 5,416',
      '',
      '1 plan in flight.',
    ]);
    const unknown = { ...flying, done: undefined, latest: undefined };
    expect(render([{ ...FREE, next: unknown }], 1_000)[1]).toMatch(/before its end$/);
    const retry = { ...flying, plan: { ...WINDOW, work: { kind: 'retry', version: v(5413) } as const } };
    expect(lineOf('plan', { ...FREE, next: retry })).toContain('the retry of rejected rows at version 5,413');
    const held = { ...FREE, next: flying, standing: { state: 'halted', cause: CAUSE } as const };
    expect(lineOf('plan', held)).toContain('waits: chunks that were sent are still applied');
  });

  it('shows a halt that is expected with its remedy, and what is not known as that', () => {
    const misfit: Finding = {
      of: 'table',
      kind: 'target_incompatible',
      message: 'app.orders does not fit.',
      remedy: 'x '.repeat(100).trim(),
    };
    const screen = render([planned({ table: { outcome: 'unfit', problems: [] } }, { halts: [misfit] })], 60);
    expect(screen.slice(-5)).toEqual([
      '  halt       ✗ expected, target_incompatible: app.orders',
      '             does not fit.',
      `               ${misfit.remedy}`,
      '',
      '1 window to apply, 1 halt expected.',
    ]);
    const blind = render([{ ...FREE, unknown: [BLIND] }]);
    expect(blind.slice(1)).toEqual([
      '  source     ✗ not known: The warehouse does not answer.',
      '               Check that the SQL warehouse runs.',
      '',
      '1 thing not known.',
    ]);
  });

  it('says what the sync is halted for once, where it would halt for that again', () => {
    const { at: _, ...words } = CAUSE;
    const again = {
      ...FREE,
      standing: { state: 'halted', cause: CAUSE },
      halts: [{ of: 'source', ...words }],
    } as const;
    expect(render([again]).slice(1)).toEqual([
      '  state      ✗ halted 3 h ago, retention_gap: The changes after version 5410 have expired. Below is what a run would do;',
      '             nothing is planned until:',
      '               Drop the target table, then run "lakeferry run orders".',
      '  halt       ✗ expected again, retention_gap: nothing has changed so far',
      '',
      '1 halt expected, 1 sync halted.',
    ]);
    const other = { ...again, halts: [{ of: 'source', ...words, message: 'Others have, too.' }] } as const;
    expect(lineOf('halt', other)).toContain('Others have, too.');
  });

  it('says one reason for several things once, with what to do as the last line', () => {
    const why = { message: 'AWS has no region.', remedy: 'lakeferry doctor' };
    const unknown = [
      { of: 'target', ...why },
      { of: 'source', ...why },
      { ...BLIND, of: 'changes' },
    ] as const;
    const items = {
      ...FREE,
      config: { ...CONFIG, name: 'items' },
      unknown: [{ of: 'source', ...why }],
    } as const;
    expect(render([{ ...FREE, unknown }, items])).toEqual([
      'orders     main.gold.orders → app.orders  (nothing is written by this command)',
      '  changes    ✗ not known: The warehouse does not answer.',
      '               Check that the SQL warehouse runs.',
      '  not known  ✗ target, source',
      '',
      'items      main.gold.orders → app.orders',
      '  not known  ✗ source',
      '',
      '4 things not known.',
      '',
      '  target, source',
      '    AWS has no region.',
      '    lakeferry doctor',
    ]);
  });

  it('fits the terminal, but for what is to be pasted', () => {
    const leftOut = [{ name: 'gift_note', type: 'string' }];
    const paused = { state: 'paused', by: 'ana', reason: '', at: NOW } as const;
    const screen = render([planned({}, { leftOut, standing: paused }), upToDate()], 50);
    expect(screen.slice(0, 2)).toEqual([
      'orders     main.gold.orders → app.orders',
      '  (nothing is written by this command)',
    ]);
    expect(screen.slice(-2)).toEqual([
      '1 window waiting, 1 sync up to date, 1 column left',
      'out, 1 sync paused.',
    ]);
    const words = screen.filter((line) => !line.includes('lakeferry '));
    expect(words.filter((line) => line.length > 50)).toEqual([]);
  });

  it('hands no control sequence of a foreign name on', () => {
    const leftOut = [{ name: 'a\u001b[2Jb', type: 'string' }];
    expect(render([upToDate({ leftOut })]).join('\n')).not.toContain('\u001b');
  });
});

describe('the plan document', () => {
  it('has versions as decimal text, counts as numbers, times in ISO form', () => {
    const document = JSON.parse(jsonDocument(planJson([planned(BRAKED, { halts: [MASS_DELETE] })])));
    expect(document).toEqual({
      schemaVersion: 1,
      syncs: [
        {
          sync: 'orders',
          source: 'main.gold.orders',
          target: 'app.orders',
          lookedAt: '2026-11-21T14:32:05.000Z',
          standing: { state: 'free' },
          next: {
            step: 'window',
            window: {
              after: '5410',
              through: '5413',
              commits: 3,
              firstCommittedAt: '2026-11-21T14:28:40.000Z',
              lastCommittedAt: '2026-11-21T14:31:25.000Z',
            },
            changes: { kind: 'estimate', rows: 182_000, from: 'history' },
            slices: 2,
            writers: 2,
            table: { outcome: 'fits', untouched: [] },
            deletes: {
              kind: 'exact',
              rows: 41_200,
              maxDeletePercent: 50,
              target: { rows: 343_000, estimated: false, halts: true },
            },
          },
          leftOut: [],
          rejectedKeys: 0,
          halts: [MASS_DELETE],
          unknown: [],
        },
      ],
    });
  });

  it('has null for what is not there, and each state with what belongs to it', () => {
    const value = (preview: PlanPreview) => JSON.parse(jsonDocument(planJson([preview]))).syncs[0];
    const silent: Unknown = { of: 'deletes', message: 'm', remedy: 'r' };
    const blind = value({ ...FREE, rejectedKeys: undefined, unknown: [BLIND, silent] });
    expect(blind).toMatchObject({ next: null, rejectedKeys: null, unknown: [BLIND, { kind: null }] });
    const snapshot = value(
      planned({ plan: SNAPSHOT, committed: undefined, table: undefined, deletes: undefined }),
    );
    expect(snapshot.next).toMatchObject({ step: 'snapshot', version: '5413', table: null, deletes: null });
    const flying = { step: 'goes_on', plan: WINDOW, done: undefined, latest: undefined } as const;
    expect(value({ ...FREE, next: flying }).next).toEqual({
      step: 'goes_on',
      work: 'window',
      through: '5413',
      slices: { done: null, total: 2 },
      latest: null,
    });
    const at = '2026-11-21T11:32:07.000Z';
    expect(value(upToDate({ standing: { state: 'halted', cause: CAUSE } }))).toMatchObject({
      standing: { state: 'halted', cause: { kind: 'retention_gap', at } },
      next: { step: 'nothing', version: '5413' },
    });
    const paused = { state: 'paused', by: 'ana', reason: '', at: CAUSE.at } as const;
    expect(value(upToDate({ standing: paused })).standing).toEqual({ ...paused, at, cause: null });
  });
});

describe('the exit code of plan', () => {
  it.each<[string, readonly PlanPreview[], number]>([
    ['up to date, or something to do', [upToDate(), planned()], 0],
    [
      'columns left out, rejected rows',
      [upToDate({ leftOut: [{ name: 'a', type: 'int' }], rejectedKeys: 3n })],
      0,
    ],
    ['a pause', [upToDate({ standing: { state: 'paused', by: 'a', reason: '', at: 1 } })], 0],
    ['nothing deployed', [planned({}, { standing: { state: 'undeployed', why: '' } })], 0],
    ['something not known', [planned(), { ...FREE, unknown: [BLIND] }], 1],
    ['a halt that is expected', [planned({}, { halts: [MASS_DELETE] }), { ...FREE, unknown: [BLIND] }], 3],
    ['a halt', [upToDate({ standing: { state: 'halted', cause: CAUSE } })], 3],
    [
      'a halt behind a pause',
      [upToDate({ standing: { state: 'paused', by: 'a', reason: '', at: 1, cause: CAUSE } })],
      3,
    ],
  ])('after %s', (_what, previews, code) => {
    expect(planExitCode(previews)).toBe(code);
  });
});
