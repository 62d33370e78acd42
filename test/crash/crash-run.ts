import { NEVER } from '../support/lake.ts';
import { CrashScript, type Decide } from './crash-script.ts';
import type { Counted } from './invariants.ts';
import type { Scenario } from './scenarios.ts';
import type { Stage } from './stage.ts';

export interface Ran {
  readonly script: CrashScript;
  readonly counted: Counted;
  /** What the run broke of the invariants; empty when all is well. */
  readonly violations: readonly string[];
}

/** Runs the scenario on a fresh sync, lets it break where `decide` says, recovers, and judges what is there then. */
export async function runScenario(
  stage: Stage,
  scenario: Scenario,
  decide: Decide = () => undefined,
  counted?: Counted,
): Promise<Ran> {
  const { world, table } = await stage.set(scenario);
  const script = new CrashScript(decide);
  world.follow(script);
  try {
    await scenario.act(world, table);
    await world.settle(scenario.runs);
    const { checkpoint } = await world.checkpoints.read(world.config.name, NEVER);
    const violations = await world.invariants.judge(checkpoint.state, counted);
    return { script, violations, counted: await world.invariants.counted() };
  } finally {
    await world.close();
  }
}
