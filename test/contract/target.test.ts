import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Plan, Work } from '../../src/plan/plan.ts';
import { type Slice, slicesOf } from '../../src/plan/slices.ts';
import type { Page } from '../../src/source/source.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import type { ApplyOutcome, Target } from '../../src/target/target.ts';
import {
  failureOf,
  locksAreWaitedFor,
  mappingOf,
  openFixture,
  signal,
  snapshot,
  until,
  windowFrom,
} from '../postgres/fixture.ts';
import { EMPTY_DATABASE, type MemoryDatabase, tableName, withTable } from '../support/memory-database.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { MemoryTarget } from '../support/memory-target.ts';
import { arrival, departure, type Fields, pagesOf, version } from '../support/pages.ts';

/** A database, and what its owner can do to it past the target. */
interface Ground {
  readonly target: Target;
  /** A target on a connection of its own. */
  another(): Target;
  rows(table: Plan['target']): Promise<readonly Fields[]>;
  insert(table: Plan['target'], id: number): Promise<unknown>;
  dropTable(table: Plan['target']): Promise<unknown>;
  dropSchema(): Promise<unknown>;
  /** Resolves when somebody waits for a lock. */
  lockIsWaitedFor(): Promise<void>;
  close(): Promise<void>;
}

async function postgresGround(): Promise<Ground> {
  const fixture = await openFixture();
  const others: Target[] = [];
  return {
    target: fixture.target,
    another() {
      const other = openPostgresTarget(fixture.connection);
      others.push(other);
      return other;
    },
    async rows({ table }) {
      const found = await fixture.query<{ readonly row: Fields }>(
        `select array[id::text, name] as row from public.${table} order by id`,
      );
      return found.map(({ row }) => row);
    },
    insert: ({ table }, id) => fixture.query(`insert into public.${table} values ($1, 'theirs')`, [id]),
    dropTable: ({ table }) => fixture.query(`drop table public.${table}`),
    dropSchema: () => fixture.query('drop schema lakeferry cascade'),
    lockIsWaitedFor: () => locksAreWaitedFor(fixture),
    async close() {
      await Promise.all(others.map((other) => other.close()));
      await fixture.drop();
    },
  };
}

async function memoryGround(): Promise<Ground> {
  const store = new MemoryStore<MemoryDatabase>(EMPTY_DATABASE);
  let sessions = 0;
  const another = () => new MemoryTarget(store.perform, ++sessions);
  const target = another();
  await target.migrate();
  return {
    target,
    another,
    async rows(table) {
      return Object.values(store.state.tables[tableName(table)]?.rows ?? {}).map((line) => line.split('\t'));
    },
    async insert(table, id) {
      const before = store.state.tables[tableName(table)]?.rows;
      store.change((state) => withTable(state, table, { ...before, [id]: `${id}\ttheirs` }));
    },
    async dropTable(table) {
      store.change((state) => {
        const { [tableName(table)]: _dropped, ...tables } = state.tables;
        return { ...state, tables };
      });
    },
    async dropSchema() {
      const { tables, nextOid, era } = store.state;
      store.change(() => ({ ...EMPTY_DATABASE, tables, nextOid, era: era + 1 }));
    },
    lockIsWaitedFor: () => until(async () => store.waiting > 0),
    async close() {},
  };
}

describe.each([
  ['PostgresTarget', postgresGround],
  ['MemoryTarget', memoryGround],
])('%s', (_name, makeGround) => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await makeGround();
  });
  afterAll(() => ground.close());

  /** A sync with a table of its own. */
  class Sync {
    readonly name = `sync_${randomUUID().slice(0, 8)}`;
    readonly table = { schema: 'public', table: this.name };
    readonly mapping = mappingOf(['id integer', 'name text']);

    state() {
      return ground.target.readState(this.name, this.table, ['id'], signal);
    }

    async plan(work: Work, over: Partial<Plan> = {}): Promise<Plan> {
      const { row } = await this.state();
      return {
        id: randomUUID(),
        sync: this.name,
        base: row.revision,
        source: { catalog: 'main', schema: 'sales', table: this.name },
        sourceTableId: 'table-1',
        target: this.table,
        work,
        throughCommittedAt: 1_700_000_000_000,
        slices: 1,
        divisible: true,
        writers: 4,
        pages: 1,
        mapping: this.mapping,
        ...over,
      };
    }

    open(plan: Plan) {
      return ground.target.open(plan, signal);
    }

    async opened(work: Work, over: Partial<Plan> = {}): Promise<Plan> {
      const plan = await this.plan(work, over);
      expect(await this.open(plan)).toBe('opened');
      return plan;
    }

    apply(plan: Plan, lines: readonly Fields[], slice: Slice = { slice: 0, of: plan.slices }) {
      return ground.target.apply({ plan, ...slice }, pagesOf(lines), async () => undefined, signal);
    }

    finish(plan: Plan) {
      return ground.target.finish(plan, signal);
    }

    ensureTable() {
      return ground.target.ensureTable(
        { sync: this.name, target: this.table, mapping: this.mapping },
        signal,
      );
    }

    rows() {
      return ground.rows(this.table);
    }
  }

  async function emptySync(): Promise<Sync> {
    const sync = new Sync();
    await sync.ensureTable();
    return sync;
  }

  async function loadedSync(): Promise<Sync> {
    const sync = await emptySync();
    const plan = await sync.opened(snapshot(0));
    await sync.apply(plan, [
      ['1', 'a'],
      ['2', 'b'],
    ]);
    expect(await sync.finish(plan)).toMatchObject({ outcome: 'finished', through: 0n });
    return sync;
  }

  /** A writer that holds its transaction open until it is released. */
  async function heldWriter(plan: Plan, first: Fields) {
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<void>();
    const pages = async function* (): AsyncGenerator<Page> {
      yield* pagesOf([first])();
      asked.resolve();
      await held.promise;
    };
    const chunk = { plan, slice: 0, of: plan.slices };
    const outcome: Promise<ApplyOutcome> = ground
      .another()
      .apply(chunk, pages, async () => undefined, signal);
    await asked.promise;
    return { outcome, release: held.resolve };
  }

  test('a sync that is new has a row that says nothing, and the same one again', async () => {
    const sync = new Sync();
    const { row, table } = await sync.state();
    expect(row).toMatchObject({ open: false, rowsUpserted: 0n, rowsDeleted: 0n, rowsRejected: 0n });
    expect([row.plan, row.through, row.reach, row.sourceTableId, row.targetOid]).toEqual(
      Array(5).fill(undefined),
    );
    expect(table).toBeUndefined();
    expect((await sync.state()).row.revision).toBe(row.revision);
  });

  test('the schema may be brought up to date again', () => ground.target.migrate(signal));

  test('the table is made once, with the columns of the mapping', async () => {
    const sync = await emptySync();
    const { table } = await sync.state();
    await sync.ensureTable();
    expect((await sync.state()).table).toEqual(table);
    expect(table).toMatchObject({ empty: true, uniqueBesidesKey: false, refersToItself: false });
    expect(await ground.target.readColumnTypes(sync.table, signal)).toEqual(
      new Map([
        ['id', 'integer'],
        ['name', 'text'],
      ]),
    );
    expect(await ground.target.readColumnTypes({ schema: 'public', table: 'none' }, signal)).toBeUndefined();
  });

  test('a load and a window: what the row says, what is counted, what is in the table', async () => {
    const sync = await loadedSync();
    const before = await sync.state();
    expect(before.row).toMatchObject({ open: false, through: 0n, reach: 0n, rowsUpserted: 2n });
    expect(before.table?.oid).toBe(before.row.targetOid);
    expect(before.table?.empty).toBe(false);
    const plan = await sync.opened(windowFrom(0, 3));
    const open = (await sync.state()).row;
    expect(open).toMatchObject({ open: true, through: 0n, reach: 3n, sourceTableId: 'table-1' });
    expect(open.plan).toEqual(plan);
    expect(open.revision).not.toBe(before.row.revision);
    const lines = [arrival('1', 'a'), departure(['2'], 2), departure(['9'], 2), arrival('3', 'c')];
    expect(await sync.apply(plan, lines)).toEqual({
      outcome: 'applied',
      counts: { upserted: 1, deleted: 1, rejected: 0 },
    });
    expect(await sync.finish(plan)).toMatchObject({ outcome: 'finished', through: 3n });
    const after = (await sync.state()).row;
    expect(after).toMatchObject({ open: false, through: 3n, rowsUpserted: 3n, rowsDeleted: 1n });
    expect(after.throughCommittedAt).toBe(plan.throughCommittedAt);
    expect(after.revision).not.toBe(open.revision);
    expect(await sync.rows()).toEqual([
      ['1', 'a'],
      ['3', 'c'],
    ]);
    expect((await ground.target.readRows(signal)).get(sync.name)?.through).toBe(3n);
  });

  describe('opening', () => {
    test('needs the base, once', async () => {
      const sync = await loadedSync();
      const [a, b] = [await sync.plan(windowFrom(0)), await sync.plan(windowFrom(0))];
      expect([await sync.open(a), await sync.open(a), await sync.open(b)]).toEqual([
        'opened',
        'already_open',
        'refused',
      ]);
    });

    test.each<[string, Work, Partial<Plan>]>([
      ['a window that does not continue the target', windowFrom(1), {}],
      ['a window of another source table', windowFrom(0), { sourceTableId: 'table-2' }],
      ['a window of another mapping', windowFrom(0), { mapping: mappingOf(['id integer']) }],
      ['a snapshot of what is loaded', snapshot(1), {}],
    ])('is refused to %s', async (_title, work, over) => {
      const sync = await loadedSync();
      expect(await sync.open(await sync.plan(work, over))).toBe('refused');
    });

    test('is refused below what may be in the target, and without a table', async () => {
      const sync = await loadedSync();
      await sync.opened(windowFrom(0, 3));
      expect(await sync.open(await sync.plan(windowFrom(0, 2)))).toBe('refused');
      await ground.dropTable(sync.table);
      expect(await sync.open(await sync.plan(windowFrom(0, 3)))).toBe('refused');
      await sync.ensureTable();
      expect(await sync.open(await sync.plan(windowFrom(0, 3)))).toBe('refused');
      expect(await sync.open(await sync.plan(snapshot(2)))).toBe('refused');
      expect(await sync.open(await sync.plan(snapshot(3)))).toBe('opened');
      expect((await sync.state()).row.through).toBeUndefined();
    });

    test('begins the reach of another source table anew', async () => {
      const sync = await emptySync();
      await sync.opened(snapshot(5));
      await sync.opened(snapshot(0), { sourceTableId: 'table-2' });
      expect((await sync.state()).row).toMatchObject({ reach: 0n, sourceTableId: 'table-2' });
    });

    test('clears away a load that was not finished, and nothing else', async () => {
      const sync = await emptySync();
      const load = await sync.opened(snapshot(0), { slices: 2 });
      await sync.apply(load, [['2', 'old']]);
      const again = await sync.opened(snapshot(1), { slices: 2 });
      expect(await sync.rows()).toEqual([]);
      await sync.apply(again, [['2', 'new']]);
      await ground.insert(sync.table, 4);
      expect(await failureOf(sync.open(await sync.plan(snapshot(2))))).toMatchObject({
        kind: 'target_not_empty',
      });
      expect((await sync.state()).row.plan?.id).toBe(again.id);
      expect(await sync.rows()).toHaveLength(2);
    });

    test('waits for a writer, and clears away what it commits meanwhile', async () => {
      const sync = await emptySync();
      const writer = await heldWriter(await sync.opened(snapshot(0)), ['1', 'a']);
      const opening = sync.open(await sync.plan(snapshot(1)));
      await ground.lockIsWaitedFor();
      writer.release();
      expect(await writer.outcome).toMatchObject({ outcome: 'applied' });
      expect(await opening).toBe('opened');
      expect(await sync.rows()).toEqual([]);
    });
  });

  describe('applying', () => {
    test('is fenced for a plan that is finished, superseded or unknown', async () => {
      const sync = await loadedSync();
      const old = await sync.opened(windowFrom(0));
      const open = await sync.opened(windowFrom(0, 2));
      for (const plan of [old, { ...open, id: randomUUID() }, { ...open, sync: 'unknown' }]) {
        expect(await sync.apply(plan, [arrival('1', 'x')])).toEqual({ outcome: 'fenced' });
      }
      await sync.apply(open, []);
      await sync.finish(open);
      expect(await sync.apply(open, [arrival('1', 'x')])).toEqual({ outcome: 'fenced' });
    });

    test('is fenced once its plan is superseded while its rows come', async () => {
      const sync = await loadedSync();
      const plan = await sync.opened(windowFrom(0));
      const pages = async function* (): AsyncGenerator<Page> {
        await sync.opened(windowFrom(0, 2));
        yield* pagesOf([arrival('1', 'x')])();
      };
      const chunk = { plan, slice: 0, of: 1 };
      expect(await ground.another().apply(chunk, pages, async () => undefined, signal)).toEqual({
        outcome: 'fenced',
      });
    });

    test('a slice is applied once, also in parts', async () => {
      const sync = await loadedSync();
      const plan = await sync.opened(windowFrom(0), { slices: 2 });
      const [first, second] = slicesOf(plan);
      expect(await sync.apply(plan, [], first)).toMatchObject({ outcome: 'applied' });
      expect(await sync.apply(plan, [], first)).toEqual({ outcome: 'already_applied' });
      expect(await sync.apply(plan, [], { slice: 0, of: 4 })).toEqual({ outcome: 'already_applied' });
      expect(await sync.apply(plan, [], { slice: 1, of: 4 })).toMatchObject({ outcome: 'applied' });
      expect(await sync.apply(plan, [], second)).toEqual({
        outcome: 'divided',
        missing: [{ slice: 3, of: 4 }],
      });
      expect(await sync.finish(plan)).toEqual({ outcome: 'incomplete', missing: [{ slice: 3, of: 4 }] });
      expect(await sync.apply(plan, [], { slice: 3, of: 4 })).toMatchObject({ outcome: 'applied' });
      expect(await sync.apply(plan, [], second)).toEqual({ outcome: 'already_applied' });
      expect(await sync.finish(plan)).toMatchObject({ outcome: 'finished' });
    });

    test('a second writer of a slice waits for the first', async () => {
      const sync = await loadedSync();
      const plan = await sync.opened(windowFrom(0));
      const first = await heldWriter(plan, arrival('1', 'x'));
      const second = ground
        .another()
        .apply({ plan, slice: 0, of: 1 }, pagesOf([arrival('1', 'x')]), async () => undefined, signal);
      await ground.lockIsWaitedFor();
      first.release();
      expect(await first.outcome).toMatchObject({ outcome: 'applied' });
      expect(await second).toEqual({ outcome: 'already_applied' });
    });

    test('what is thrown before the commit leaves nothing', async () => {
      const sync = await loadedSync();
      const plan = await sync.opened(windowFrom(0));
      const chunk = { plan, slice: 0, of: 1 };
      const replaced = new Error('the source is another');
      const failing = async () => Promise.reject(replaced);
      await failureOf(ground.target.apply(chunk, pagesOf([arrival('1', 'x')]), failing, signal));
      expect((await sync.rows())[0]).toEqual(['1', 'a']);
      expect(await sync.apply(plan, [arrival('1', 'x')])).toMatchObject({ outcome: 'applied' });
    });

    test('a table that was made again is not written to, nor finished', async () => {
      const sync = await loadedSync();
      const plan = await sync.opened(windowFrom(0), { slices: 2 });
      await sync.apply(plan, []);
      await ground.dropTable(sync.table);
      const other = { slice: 1, of: 2 };
      expect(await failureOf(sync.apply(plan, [], other))).toMatchObject({ kind: 'target_replaced' });
      await sync.ensureTable();
      expect(await failureOf(sync.apply(plan, [], other))).toMatchObject({ kind: 'target_replaced' });
      expect(await sync.finish(plan)).toEqual({ outcome: 'incomplete', missing: [other] });
    });

    test('a row that is there already is refused to a load', async () => {
      const sync = await emptySync();
      const plan = await sync.opened(snapshot(0));
      await ground.insert(sync.table, 1);
      expect(await failureOf(sync.apply(plan, [['1', 'a']]))).toMatchObject({ kind: 'duplicate_source_key' });
    });
  });

  describe('finishing', () => {
    test('is superseded for another plan than the open one, and for one that is finished', async () => {
      const sync = await loadedSync();
      const old = await sync.opened(windowFrom(0));
      const open = await sync.opened(windowFrom(0, 2));
      expect(await sync.finish(old)).toEqual({ outcome: 'superseded', through: 0n });
      expect(await sync.finish(open)).toEqual({ outcome: 'incomplete', missing: [{ slice: 0, of: 1 }] });
      await sync.apply(open, []);
      expect(await sync.finish(open)).toMatchObject({ outcome: 'finished', through: 2n });
      expect(await sync.finish(open)).toEqual({ outcome: 'superseded', through: 2n });
    });

    test('says what is missing, and who took its place, without waiting for a writer', async () => {
      const sync = await loadedSync();
      const old = await sync.opened(windowFrom(0));
      const plan = await sync.opened(windowFrom(0, 2));
      const writer = await heldWriter(plan, arrival('1', 'x'));
      expect(await sync.finish(plan)).toEqual({ outcome: 'incomplete', missing: [{ slice: 0, of: 1 }] });
      expect(await sync.finish(old)).toEqual({ outcome: 'superseded', through: 0n });
      writer.release();
      expect(await writer.outcome).toMatchObject({ outcome: 'applied' });
      expect(await sync.finish(plan)).toMatchObject({ outcome: 'finished', through: 2n });
    });

    test('is done once where several find the plan complete', async () => {
      const sync = await loadedSync();
      const plan = await sync.opened(windowFrom(0));
      await sync.apply(plan, []);
      const finished = await Promise.all([1, 2, 3].map(() => ground.another().finish(plan, signal)));
      expect(finished.map(({ outcome }) => outcome).sort()).toEqual(['finished', 'superseded', 'superseded']);
      expect(finished.every((one) => 'through' in one && one.through === 1n)).toBe(true);
    });

    test('does not accept a table that was made again', async () => {
      const sync = await loadedSync();
      const plan = await sync.opened(windowFrom(0));
      await sync.apply(plan, []);
      await ground.dropTable(sync.table);
      await sync.ensureTable();
      expect(await failureOf(sync.finish(plan))).toMatchObject({ kind: 'target_replaced' });
      expect((await sync.state()).row).toMatchObject({ through: 0n, open: true });
    });
  });

  describe('a retry', () => {
    test('opens at the version that the target shows, alone, and leaves it as it is', async () => {
      const sync = await loadedSync();
      const retry: Work = { kind: 'retry', version: version(0) };
      expect(await sync.open(await sync.plan({ kind: 'retry', version: version(1) }))).toBe('refused');
      const plan = await sync.opened(retry);
      expect(await sync.open(await sync.plan(retry))).toBe('refused');
      expect(await sync.apply(plan, [arrival('3', 'c'), departure(['2'], 2)])).toMatchObject({
        outcome: 'applied',
      });
      expect(await sync.finish(plan)).toMatchObject({ outcome: 'finished', through: 0n });
      expect((await sync.state()).row).toMatchObject({ open: false, through: 0n });
      expect(await sync.rows()).toEqual([
        ['1', 'a'],
        ['3', 'c'],
      ]);
    });

    test('is closed when it is abandoned, as no other plan is', async () => {
      const sync = await loadedSync();
      const plan = await sync.opened({ kind: 'retry', version: version(0) });
      expect(await ground.target.abandonRetry({ ...plan, id: randomUUID() }, signal)).toBe(false);
      const { revision } = (await sync.state()).row;
      expect(await ground.target.abandonRetry(plan, signal)).toBe(true);
      expect(await ground.target.abandonRetry(plan, signal)).toBe(false);
      const { row } = await sync.state();
      expect(row).toMatchObject({ open: false, through: 0n });
      expect(row.revision).not.toBe(revision);
      expect(await sync.apply(plan, [])).toEqual({ outcome: 'fenced' });
      const window = await sync.opened(windowFrom(0));
      expect(await ground.target.abandonRetry(window, signal)).toBe(false);
    });
  });

  test('deletes are approved for the open plan alone', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    expect(await ground.target.approveDeletes(plan, signal)).toBe(true);
    expect(await ground.target.approveDeletes({ ...plan, id: randomUUID() }, signal)).toBe(false);
  });

  test('without the schema no plan is open, and none of before opens again', async () => {
    const sync = await loadedSync();
    const plan = await sync.opened(windowFrom(0));
    await ground.dropSchema();
    expect(await sync.open(plan)).toBe('refused');
    expect(await sync.finish(plan)).toEqual({ outcome: 'superseded', through: undefined });
    expect(await sync.apply(plan, [arrival('1', 'x')])).toEqual({ outcome: 'fenced' });
    expect((await ground.target.readRows(signal)).size).toBe(0);
    expect(await failureOf(sync.state())).toMatchObject({ kind: 'target_incompatible' });
    await ground.target.migrate(signal);
    expect(await sync.open(plan)).toBe('refused');
    expect(await failureOf(sync.opened(snapshot(1)))).toMatchObject({ kind: 'target_not_empty' });
  });
});
