import { afterAll, beforeAll, expect, it } from 'vitest';
import { overriding } from '../support/control.ts';
import { syncToHalt } from '../support/halts.ts';
import { type Lake, startLake, syncNow } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

let lake: Lake;
const source = 'main.lost.items';
const config = aSync(source, 'public.items', ['id']);

beforeAll(async () => {
  lake = await startLake();
  await lake.sql('create schema main.lost');
});
afterAll(() => lake?.close());

const sorted = () => lake.database.query('select id, size from public.items order by id');

it('halts when a column was dropped and another came under its name, and loads what that one holds', async () => {
  await lake.sql(
    `create table ${source} (id int, size int) using delta tblproperties ('delta.columnMapping.mode' = 'name')`,
  );
  await lake.sql(`insert into ${source} values (1, 10), (2, 20)`);
  await syncNow(lake, config);
  await lake.sql(`alter table ${source} drop column size`);
  await lake.sql(`alter table ${source} add column size int`);
  await lake.sql(`insert into ${source} values (3, 30)`);
  expect(await syncToHalt(lake, config)).toMatchObject({
    kind: 'schema_break',
    message: expect.stringContaining('size'),
  });
  expect(await sorted()).toEqual([
    { id: 1, size: 10 },
    { id: 2, size: 20 },
  ]);

  await lake.database.query('drop table public.items');
  expect(await syncNow(lake, config)).toEqual({ outcome: 'idle' });
  expect(await sorted()).toEqual(await lake.sql(`select id, size from ${source} order by id`));
});

it('halts likewise when more commits come while the planner looks than it makes allowance for', async () => {
  const busy = 'main.lost.busy';
  const toBusy = aSync(busy, 'public.busy', ['id']);
  await lake.sql(
    `create table ${busy} (id int, size int) using delta tblproperties ('delta.columnMapping.mode' = 'name')`,
  );
  await lake.sql(`insert into ${busy} values (1, 10)`);
  await syncNow(lake, toBusy);
  await lake.sql(`alter table ${busy} drop column size`);
  await lake.sql(`alter table ${busy} add column size int`);
  const { source } = lake.services;
  const overtaken = overriding(source, {
    async readHistory(...args) {
      for (let id = 2; id <= 13; id++) await lake.sql(`insert into ${busy} values (${id}, 0)`);
      return source.readHistory(...args);
    },
  });
  const services = { ...lake.services, source: overtaken };
  expect(await syncToHalt({ ...lake, services }, toBusy)).toMatchObject({
    kind: 'schema_break',
    message: expect.stringContaining('version 2'),
  });
  expect(await lake.database.query('select id, size from public.busy')).toEqual([{ id: 1, size: 10 }]);
});
