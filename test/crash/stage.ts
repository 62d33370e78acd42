import type { SyncConfig } from '../../src/config/sync-config.ts';
import { type Lake, NEVER } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';
import type { Expected } from './invariants.ts';
import type { Scenario, Table } from './scenarios.ts';
import { World } from './world.ts';

export interface Staged {
  readonly world: World;
  readonly table: Table;
}

/** Of two slices the first three keys are in one and the others in the other. */
const KEYS = [1, 2, 3, 6, 8, 9];

let made = 0;

/** Sets the stage of scenarios on one lake: what comes before the first crash. */
export class Stage {
  readonly lake: Lake;
  readonly #templates = new Map<Scenario, Promise<Staged>>();

  constructor(lake: Lake) {
    this.lake = lake;
  }

  /** A sync of its own for one run of the scenario. `shown` is where the target is to show other things. */
  async set(scenario: Scenario, shown: Partial<Expected> = {}): Promise<Staged> {
    if (scenario.alone) return this.#prepare(scenario, shown);
    const template = this.#templates.get(scenario) ?? this.#prepare(scenario);
    this.#templates.set(scenario, template);
    return this.#copy((await template).world, scenario);
  }

  async #prepare(scenario: Scenario, shown: Partial<Expected> = {}): Promise<Staged> {
    const name = `crash${made++}`;
    const staged = this.#build(name, `main.crash.${name}`, scenario);
    const { world, table } = staged;
    world.invariants.expected = { ...world.invariants.expected, ...shown };
    await this.lake.sql('create schema if not exists main.crash');
    await table.source('create table $t (id int, name string, code string) using delta');
    const rows = KEYS.map((id) => `(${id}, 'n${id}', 'c${id}')`);
    await table.source(`insert into $t values ${rows.join(', ')}`);
    await scenario.prepare(world, table);
    await world.close();
    return staged;
  }

  /** Another sync of the same source, with a target and a checkpoint like the template's. */
  async #copy(template: World, scenario: Scenario): Promise<Staged> {
    const name = `crash${made++}`;
    const { source, target } = template.invariants.expected;
    const staged = this.#build(name, source, scenario);
    await staged.table.target(`create table $t (like ${target} including all)`);
    await staged.table.target(`insert into $t table ${target}`);
    await this.lake.database.query(
      `insert into lakeferry.syncs
       select r.* from lakeferry.syncs s, jsonb_populate_record(s, jsonb_build_object(
         'sync', $2::text, 'revision', gen_random_uuid(), 'target_oid', $3::regclass::oid::bigint)) r
       where s.sync = $1`,
      [template.config.name, name, staged.world.invariants.expected.target],
    );
    const { checkpoint } = await template.checkpoints.read(template.config.name, NEVER);
    await staged.world.checkpoints.write(name, checkpoint, undefined, NEVER);
    return staged;
  }

  #build(name: string, source: string, { over, rejected }: Scenario): Staged {
    const target = `public.${name}`;
    const config: SyncConfig = aSync(source, target, ['id'], { maxChunkRows: 3, ...over });
    const columns = ['id', 'name', 'code'];
    const world = new World(this.lake, config, { source, target, columns, ...(rejected && { rejected }) });
    const table: Table = {
      source: async (statement) => void (await this.lake.sql(statement.replaceAll('$t', source))),
      target: async (statement) => void (await this.lake.database.query(statement.replaceAll('$t', target))),
    };
    return { world, table };
  }
}
