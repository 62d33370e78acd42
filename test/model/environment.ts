import { EMPTY_DATABASE, type MemoryDatabase, tableName } from '../support/memory-database.ts';
import type { Bounds, Fault } from './bounds.ts';
import { rowOf, tableOf } from './invariants.ts';
import { SYNC } from './processes.ts';
import { aged, type Postgres, type World, withFault } from './world.ts';

/** Something that happens without a process of ours. */
export interface Event {
  readonly words: string;
  readonly world: World;
}

/** What the world around the processes can do now. */
export function eventsOf(world: World, bounds: Bounds): readonly Event[] {
  const events: Event[] = [];
  const add = (words: string, next: World | undefined) => {
    if (next) events.push({ words, world: next });
  };
  // In steps, only the first turn of a tick tells whether time has passed; so it does just before one.
  if (bounds.grain === 'call') add('time passes', aged(world));
  if (bounds.faults.includes('source recreated') && !world.faults.includes('source recreated')) {
    for (let latest = 0; latest <= bounds.newestVersion; latest++) {
      add(
        `FAULT: source recreated, with commits to version ${latest}`,
        withFault({ ...world, source: { tableId: 'B', latest } }, 'source recreated'),
      );
    }
  }
  for (const fault of bounds.faults) {
    const happens = world.faults.includes(fault) ? undefined : FAULTS[fault]?.(world);
    if (!happens) continue;
    const prepared = happens.postgresBackup !== world.postgresBackup && world.postgresBackup === undefined;
    const kept =
      happens.checkpointsBackup !== world.checkpointsBackup && world.checkpointsBackup === undefined;
    if (prepared || kept) add(`(a later ${fault} goes back to here)`, happens);
    else add(`FAULT: ${fault}`, withFault(happens, fault));
  }
  return events;
}

/** What each fault does now, if it can happen; those of a call of a process are with the services. */
const FAULTS: Readonly<Partial<Record<Fault, (world: World) => World | undefined>>> = {
  rewind(world) {
    const { postgresBackup, ...rest } = world;
    if (!postgresBackup) return { ...world, postgresBackup: idle(world.postgres) };
    if (postgresBackup.database.syncs === world.postgres.database.syncs) return undefined;
    return { ...rest, postgres: inNewEra(world, postgresBackup) };
  },
  emptied: (world) => ({ ...world, postgres: inNewEra(world, { database: EMPTY_DATABASE, applied: [] }) }),
  'schema dropped'(world) {
    const { database } = world.postgres;
    if (!database.installed) return undefined;
    const { tables, nextOid } = database;
    return {
      ...world,
      postgres: inNewEra(world, { database: { ...EMPTY_DATABASE, tables, nextOid }, applied: [] }),
    };
  },
  'target replaced'(world) {
    const { database } = world.postgres;
    const table = tableOf(database);
    if (!table) return undefined;
    const made = { ...table, oid: database.nextOid, rows: {} };
    return withTables(world, { [tableName(SYNC.target)]: made }, database.nextOid + 1);
  },
  'target dropped'(world) {
    const { database } = world.postgres;
    return tableOf(database) && withTables(world, {}, database.nextOid);
  },
  'checkpoint lost'(world) {
    return world.checkpoints.checkpoint && { ...world, checkpoints: { done: {} } };
  },
  'checkpoint restored'(world) {
    const { checkpointsBackup, ...rest } = world;
    if (!checkpointsBackup) return { ...world, checkpointsBackup: world.checkpoints };
    if (checkpointsBackup === world.checkpoints) return undefined;
    return { ...rest, checkpoints: checkpointsBackup };
  },
};

/** Without the transactions that are under way: a backup holds none. */
function idle(postgres: Postgres): Postgres {
  return { ...postgres, database: { ...postgres.database, writing: [] } };
}

function inNewEra(world: World, { database, applied }: Postgres): Postgres {
  return { database: { ...database, writing: [], era: world.postgres.database.era + 1 }, applied };
}

function withTables(world: World, tables: MemoryDatabase['tables'], nextOid: number): World {
  return {
    ...world,
    postgres: { database: { ...world.postgres.database, tables, nextOid }, applied: [] },
  };
}

/** What an operator drops the target for, as the remedy of the halt says. */
export function dropTarget(world: World): World {
  return withTables(world, {}, world.postgres.database.nextOid);
}

/** Nothing is left to do: the target equals the newest version, and the checkpoint waits for the next. */
export function isSettled(world: World): boolean {
  const [row, table] = [rowOf(world.postgres.database), tableOf(world.postgres.database)];
  const { tableId, latest } = world.source;
  return (
    world.processes.length === 0 &&
    world.checkpoints.checkpoint?.state === 'idle' &&
    row !== undefined &&
    !row.open &&
    row.sourceTableId === tableId &&
    row.through === BigInt(latest) &&
    table !== undefined &&
    table.oid === row.targetOid
  );
}
