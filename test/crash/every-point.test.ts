import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lake, startLake } from '../support/lake.ts';
import { runScenario } from './crash-run.ts';
import { type Crash, crashAt, describe as inWords } from './crash-script.ts';
import { TRY_ALL } from './extent.ts';
import { LANE, SCENARIOS } from './scenarios.ts';
import { Stage } from './stage.ts';

const WAYS: readonly (readonly [string, readonly Crash[]])[] = [
  [
    'a process that dies',
    [
      { moment: 'before', ends: 'process' },
      { moment: 'after', ends: 'process' },
    ],
  ],
  [
    'a write that fails',
    [
      { moment: 'before', ends: 'call' },
      { moment: 'after', ends: 'call' },
    ],
  ],
];

/** After a statement in the middle of a transaction is as good as before the next one. */
function isWorthIt(point: string, { moment }: Crash): boolean {
  return TRY_ALL || moment === 'before' || !/: pg (?!commit)/.test(point);
}

describe.each(TRY_ALL ? WAYS : WAYS.slice(0, 1))('%s', (_, ways) => {
  let lake: Lake;
  let stage: Stage;

  beforeAll(async () => {
    lake = await startLake();
    stage = new Stage(lake);
  });
  afterAll(() => lake?.close());

  it.each(TRY_ALL ? SCENARIOS : [LANE])(
    'at any point of $name leaves what recovers by itself',
    { timeout: TRY_ALL ? 3_600_000 : 300_000 },
    async (scenario) => {
      const whole = await runScenario(stage, scenario);
      expect(whole.violations).toEqual([]);
      const broken: string[] = [];
      for (const point of whole.script.points) {
        for (const way of ways.filter((crash) => isWorthIt(point, crash))) {
          const ran = await runScenario(stage, scenario, crashAt(point, way), whole.counted);
          if (ran.script.fired.length === 0) broken.push(`${inWords(point, way)}: was not reached`);
          for (const violation of ran.violations) broken.push(`${inWords(point, way)}: ${violation}`);
        }
      }
      expect(broken).toEqual([]);
    },
  );
});
