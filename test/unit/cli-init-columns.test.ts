import { describe, expect, it } from 'vitest';
import { likelyKey, parseKey, unfitColumns } from '../../src/cli/init/columns.ts';
import { defaultSyncName, defaultTarget } from '../../src/cli/init/defaults.ts';
import { columnLines } from '../../src/cli/init/questions.ts';

const table = (name: string, schema = 'gold') => ({ catalog: 'main', schema, table: name });
const columns = (...names: readonly string[]) => names.map((name) => ({ name, type: 'bigint' }));

describe('what init proposes', () => {
  it.each([
    ['orders', ['order_id', 'id'], 'id'],
    ['orders', ['customer_id', 'ORDER_ID'], 'ORDER_ID'],
    ['customer_profiles', ['name', 'customer_id'], 'customer_id'],
    ['deliveries', ['delivery_key'], 'delivery_key'],
    ['address', ['address_id'], 'address_id'],
    ['orders', ['customer_id', 'name'], undefined],
  ])('as the key of %s with %j is %s', (name, names, key) => {
    expect(likelyKey(table(name), columns(...names))).toBe(key);
  });

  it('is never a key that cannot be one', () => {
    expect(likelyKey(table('orders'), [{ name: 'id', type: 'double' }, ...columns('order_id')])).toBe(
      'order_id',
    );
  });

  it('as the target is the table under a schema of the same name, where Postgres has such names', () => {
    expect(defaultTarget(table('orders'))).toBe('gold.orders');
    expect(defaultTarget(table('my "orders".new'))).toBe('gold."my ""orders"".new"');
    expect(defaultTarget(table('orders', 'lakeferry'))).toBeUndefined();
    expect(defaultTarget(table('o'.repeat(64)))).toBeUndefined();
  });

  it('as the name of the sync is one that it may have', () => {
    expect(defaultSyncName(table('My Orders.2'))).toBe('my_orders_2');
    expect(defaultSyncName(table('o'.repeat(99)))).toHaveLength(63);
  });
});

describe('columns that cannot go as they are', () => {
  it('are those whose type or name Postgres has no counterpart for', () => {
    const found = unfitColumns([
      { name: 'a', type: 'bigint' },
      { name: 'b', type: 'interval day' },
      { name: 'ctid', type: 'string' },
      { name: 'c'.repeat(64), type: 'string' },
    ]);
    expect(found.map(({ column }) => column)).toEqual(['b', 'ctid', 'c'.repeat(64)]);
    expect(found[2]?.because).toMatch(/is 64 bytes long; Postgres keeps 63: see columns\.rename$/);
  });

  it('cannot be in the key', () => {
    expect(parseKey('ctid', [{ name: 'ctid', type: 'string' }])).toMatchObject({
      problem: expect.any(String),
    });
    expect(parseKey('a,,b', undefined)).toMatchObject({ problem: expect.any(String) });
  });
});

describe('the columns of a wide table', () => {
  it('are shown in part, each in short', () => {
    const wide = Array.from({ length: 100 }, (_, at) => ({
      name: `c${at}`,
      type: `struct<${'x:int,'.repeat(20)}y:int>`,
    }));
    const text = columnLines(table('wide'), wide, 80).join(' ');
    expect(text).toMatch(/^main\.gold\.wide has 100 columns: c0 struct<.{14}\.\.\., c1 /);
    expect(text).toMatch(/, and 60 more$/);
    expect(parseKey('zzz', wide)).toMatchObject({ problem: expect.stringMatching(/, and 70 more$/) });
  });
});
