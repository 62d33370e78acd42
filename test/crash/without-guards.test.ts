import { Client } from '@neondatabase/serverless';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Lake, startLake } from '../support/lake.ts';
import { runScenario } from './crash-run.ts';
import { crashAt, type Decide } from './crash-script.ts';
import {
  ABANDONED_LOAD,
  EARLY_TICK,
  facts,
  LATE_MESSAGE,
  OLD_LOOK,
  REPLACED_SOURCE,
  REPLACED_TARGET,
  TWO_PLANNERS,
} from './guarded-scenarios.ts';
import { type Scenario, WINDOW } from './scenarios.ts';
import { Stage } from './stage.ts';

/**
 * The negative controls: without one of the guards, the judgement of the same suite finds what is wrong. A guard is
 * taken out where its statement leaves the driver, never in the product.
 */

let lake: Lake;
let stage: Stage;

beforeAll(async () => {
  lake = await startLake();
  stage = new Stage(lake);
});
afterAll(() => lake?.close());
afterEach(() => vi.restoreAllMocks());

type Rewrite = (text: string, values: readonly unknown[] | undefined) => string | Promise<string>;

/** Every statement of the product passes through `rewrite`. */
function rewriteStatements(rewrite: Rewrite): void {
  const { query } = Client.prototype;
  vi.spyOn(Client.prototype, 'query').mockImplementation(function (
    this: Client,
    ...args: unknown[]
  ): unknown {
    const [text, values] = args;
    if (typeof text !== 'string') return Reflect.apply(query, this, args);
    const rewritten = rewrite(text, values as readonly unknown[] | undefined);
    if (typeof rewritten === 'string') return Reflect.apply(query, this, [rewritten, values]);
    return rewritten.then((changed) => Reflect.apply(query, this, [changed, values]));
  } as typeof query);
}

interface Control {
  readonly guard: string;
  readonly scenario: Scenario;
  readonly decide?: Decide;
  /** Takes the guard out. */
  takeOut(): void;
  /** What is found then. */
  readonly finds: RegExp;
}

const CONTROLS: readonly Control[] = [
  {
    guard: 'the fence',
    scenario: LATE_MESSAGE,
    takeOut: () =>
      rewriteStatements((text) => {
        const planId = facts.world?.writing?.plan.id;
        if (planId === undefined) return text;
        if (text.includes('for share')) {
          return text.replace('plan_id,', `'${planId}'::uuid as plan_id,`).replace('open,', 'true as open,');
        }
        return text.replace('s.open and s.plan_id = $2 as current', 'true as current');
      }),
    finds: /the target lacks/,
  },
  {
    guard: 'the count of the ledger at finish',
    scenario: EARLY_TICK,
    takeOut: () =>
      rewriteStatements((text) =>
        text.startsWith('select slice, parts from')
          ? `select slice, jsonb_build_array(jsonb_build_object('slice', slice, 'of', 2)) as parts
             from generate_series(0, 1) slice where $1::uuid is not null`
          : text,
      ),
    finds: /the target lacks/,
  },
  {
    guard: 'the base of a plan',
    scenario: TWO_PLANNERS,
    takeOut: () =>
      rewriteStatements((text) =>
        text.includes('for update') && facts.base
          ? text.replace('sync, revision,', `sync, '${facts.base}'::uuid as revision,`)
          : text.replace('and revision = $10', 'and $10::uuid is not null'),
      ),
    finds: /are counted as/,
  },
  {
    guard: 'the reach',
    scenario: OLD_LOOK,
    takeOut: () =>
      rewriteStatements((text) =>
        text.startsWith('\nselect sync, revision') ? text.replace('reach,', 'null::bigint as reach,') : text,
      ),
    finds: /the target lacks/,
  },
  {
    guard: 'the id of the source table',
    scenario: REPLACED_SOURCE,
    takeOut: () => {
      facts.withoutTableId = true;
    },
    finds: /the sync is halted: source_replaced/,
  },
  {
    guard: 'the oid of the target table',
    scenario: REPLACED_TARGET,
    takeOut: () =>
      rewriteStatements((text) =>
        text.replace(
          'c.oid,\n  c.relkind',
          () =>
            `coalesce((select s.target_oid from lakeferry.syncs s
               where $2 = s.sync and s.sync = '${facts.world?.config.name}'), c.oid) as oid, c.relkind`,
        ),
      ),
    finds: /the target lacks/,
  },
  {
    guard: 'the emptiness of the target at the opening',
    scenario: ABANDONED_LOAD,
    takeOut: () =>
      rewriteStatements((text) =>
        text.startsWith('select exists (select from') ? 'select false as filled' : text,
      ),
    finds: /and has \[.*too much/,
  },
  {
    guard: 'one transaction for the rows and their ledger row',
    scenario: WINDOW,
    decide: crashAt('writer: pg commit #1', { moment: 'before', ends: 'process' }),
    takeOut: () =>
      rewriteStatements(async (text, values) => {
        if (!text.startsWith('\ninsert into lakeferry.applied_slices')) return text;
        const [, slice] = values ?? [];
        const parts = JSON.stringify([{ slice, of: 2 }]);
        await lake.database.query(
          'insert into lakeferry.applied_slices (plan_id, slice, sync, parts) values ($1, $2, $3, $4)',
          [...(values ?? []), parts],
        );
        return `select '[]'::jsonb as parts from lakeferry.applied_slices
                where plan_id = $1 and slice = $2 and sync = $3`;
      }),
    finds: /the target lacks/,
  },
];

describe.each(CONTROLS)('$guard', ({ scenario, decide, takeOut, finds }) => {
  afterEach(() => {
    for (const name of Object.keys(facts)) delete facts[name as keyof typeof facts];
  });

  /** `begin` comes when the stage is set. */
  async function run(begin: () => void): Promise<readonly string[]> {
    const counted = scenario === TWO_PLANNERS ? (await runScenario(stage, WINDOW)).counted : undefined;
    const act: Scenario['act'] = (world, table) => {
      facts.world = world;
      begin();
      return scenario.act(world, table);
    };
    return (await runScenario(stage, { ...scenario, act }, decide, counted)).violations;
  }

  it(`keeps ${scenario.name} from doing harm`, async () => {
    expect(await run(() => {})).toEqual([]);
  });

  it('is missed when it is taken out', async () => {
    expect((await run(takeOut)).join('\n')).toMatch(finds);
  });
});
