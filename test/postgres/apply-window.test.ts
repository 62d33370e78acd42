import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { arrival, departure } from '../support/pages.ts';
import { type Fixture, mappingOf, openFixture, SOFT, Sync } from './fixture.ts';

let fixture: Fixture;
beforeAll(async () => {
  fixture = await openFixture();
});
afterAll(() => fixture.drop());

describe('a window', () => {
  test('inserts, updates and deletes, and counts what it did', async () => {
    const sync = new Sync(fixture, mappingOf(['id integer', 'name text', 'score double precision']));
    await sync.load([
      ['1', 'Ada', '1.5'],
      ['2', 'Bob', '2.5'],
      ['3', 'Cyd', null],
    ]);

    const outcome = await sync.advance(0, [
      arrival('2', 'Bert', '2.5'),
      arrival('4', 'Dan', '4'),
      departure(['3'], 3),
      departure(['9'], 3),
    ]);

    expect(outcome).toEqual({ outcome: 'applied', counts: { upserted: 2, deleted: 1, rejected: 0 } });
    expect(await sync.rows()).toEqual([
      ['1', 'Ada', '1.5'],
      ['2', 'Bert', '2.5'],
      ['4', 'Dan', '4'],
    ]);
    expect((await sync.state()).row).toMatchObject({ through: 1n, reach: 1n, open: false, rowsUpserted: 5n });
  });
});
