import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigError, type ConfigProblem } from '../../src/config/config-error.ts';
import { configJsonSchemaText } from '../../src/config/json-schema.ts';
import { parseConfig } from '../../src/config/parse-config.ts';

const MINIMAL = 'source: main.gold.orders\n    target: app.orders\n    primaryKey: id';

function syncs(orders: string, rest = ''): string {
  return `syncs:\n  orders:\n    ${orders}\n${rest}`;
}

function problemsOf(text: string): readonly ConfigProblem[] {
  try {
    parseConfig(text, 'lakeferry.yaml');
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

function told(text: string): string[] {
  return problemsOf(text).map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`);
}

function orders(text: string) {
  const sync = parseConfig(text, 'lakeferry.yaml').syncs.get('orders');
  if (!sync) throw new Error('no sync named orders');
  return sync;
}

describe('a valid file', () => {
  it('gives a sync every default', () => {
    expect(orders(syncs(MINIMAL))).toEqual({
      name: 'orders',
      source: { catalog: 'main', schema: 'gold', table: 'orders' },
      target: { schema: 'app', table: 'orders' },
      primaryKey: ['id'],
      columns: { exclude: [], rename: {}, types: {} },
      deletes: { mode: 'hard' },
      metadata: {},
      nulCharacters: 'reject',
      rejectedRows: 'halt',
      maxRejectedRows: 1_000,
      maxDeletePercent: 50,
      schedule: 'rate(5 minutes)',
      maxLagSeconds: 1_800,
      maxChunkRows: 200_000,
      maxWriters: 4,
    });
  });

  it('takes from defaults what a sync leaves out, and from the sync what it gives', () => {
    const defaults = 'defaults: { deletes: soft, softDeleteColumn: gone_at, maxWriters: 9 }\n';
    expect(orders(defaults + syncs(MINIMAL))).toMatchObject({
      deletes: { mode: 'soft', column: 'gone_at' },
      maxWriters: 9,
    });
    expect(orders(defaults + syncs(`${MINIMAL}\n    deletes: hard\n    maxWriters: 2`))).toMatchObject({
      deletes: { mode: 'hard' },
      maxWriters: 2,
    });
  });

  it('takes the longest lag from the sync, from defaults, or from the schedule', () => {
    const lagOf = (settings: string, before = '') =>
      orders(before + syncs(`${MINIMAL}\n    ${settings}`)).maxLagSeconds;
    expect(lagOf('maxLag: 2 hours', 'defaults: { maxLag: 1 day }\n')).toBe(7_200);
    expect(lagOf('maxWriters: 1', 'defaults: { maxLag: 1 day }\n')).toBe(86_400);
    expect(lagOf('schedule: rate(1 hour)')).toBe(14_400);
  });

  it('keeps the order of a composite key', () => {
    expect(orders(syncs(MINIMAL.replace('id', '[tenant, id]'))).primaryKey).toEqual(['tenant', 'id']);
  });

  it('may be JSON', () => {
    const json = { syncs: { orders: { source: 'a.b.c', target: 'd.e', primaryKey: ['id'] } } };
    expect(orders(JSON.stringify(json)).target).toEqual({ schema: 'd', table: 'e' });
  });

  it('has no rename for a column whose name every object has', () => {
    expect(orders(syncs(MINIMAL)).columns.rename['constructor']).toBeUndefined();
    expect(orders(syncs(MINIMAL)).columns.types['toString']).toBeUndefined();
  });

  it('ships with the table of the guide', () => {
    const text = readFileSync(new URL('../../lakeferry.yaml', import.meta.url), 'utf8');
    expect(text.split('\n')[0]).toBe('# yaml-language-server: $schema=./lakeferry.schema.json');
    expect(parseConfig(text, 'lakeferry.yaml').syncs.get('customer_profiles')).toMatchObject({
      source: {
        catalog: 'hive_metastore',
        schema: 'operational_source_data',
        table: 'customer_profiles_delta',
      },
      target: { schema: 'operational_data', table: 'customer_profiles' },
      primaryKey: ['customer_id'],
      metadata: { commitTimestamp: '_commit_timestamp', syncedAt: '_synced_at' },
    });
  });

  it('has an editor schema that is not stale', () => {
    const text = readFileSync(new URL('../../lakeferry.schema.json', import.meta.url), 'utf8');
    expect(text, 'run: npm run -s lakeferry -- schema > lakeferry.schema.json').toBe(configJsonSchemaText());
  });
});

describe('an invalid file', () => {
  it('reports every problem at once, each at its place, in the order of the file', () => {
    const text = [
      'syncs:',
      '  orders:',
      '    source: gold.orders',
      '    target: app.orders',
      '    keys: [order_id]',
      '    deletes: softly',
      '  Returns:',
      '    source: main.gold.returns',
      '    target: app.orders',
      '    primaryKey: id',
      '    maxWriters: 0',
    ].join('\n');
    expect(told(text)).toEqual([
      '3:13 syncs.orders.source "gold.orders" has two parts; write catalog.schema.table, e.g. main.gold.orders',
      '5:5 syncs.orders.keys unknown key; did you mean "primaryKey"? (primaryKey is required)',
      '6:14 syncs.orders.deletes "softly" is not one of hard, soft, ignore; did you mean "soft"?',
      '7:3 syncs.Returns is not a name for a sync; write 1 to 63 of a-z, 0-9, "_" and "-"',
      '9:13 syncs.Returns.target app.orders is the target of syncs.orders already; a table has one sync',
      '11:17 syncs.Returns.maxWriters 0 is out of bounds; write at least 1',
    ]);
  });

  it('carries line, column, length, source line and suggestion of a problem', () => {
    expect(problemsOf(syncs(`${MINIMAL}\n    deletes: softly`))).toEqual([
      {
        code: 'not_allowed',
        path: 'syncs.orders.deletes',
        line: 6,
        column: 14,
        length: 6,
        message: '"softly" is not one of hard, soft, ignore; did you mean "soft"?',
        expected: 'hard, soft, ignore',
        suggestion: 'soft',
        sourceLine: '    deletes: softly',
      },
    ]);
  });

  it('names what stands in the place of one of a few words, and shows nothing of it', () => {
    expect(problemsOf(syncs(`${MINIMAL}\n    deletes: { mode: soft }`))[0]).toMatchObject({
      message: 'a group of keys is not one of hard, soft, ignore',
    });
    expect(problemsOf(syncs(`${MINIMAL}\n    deletes: [soft]`))[0]).toMatchObject({
      message: 'a list is not one of hard, soft, ignore',
    });
  });

  it('is one SyncError of the kind config_invalid whose message names each place', () => {
    const parse = () => parseConfig(syncs(`${MINIMAL}\n    maxWriters: many`), 'lakeferry.yaml');
    expect(parse).toThrow(
      'lakeferry.yaml has one problem: 6:17 syncs.orders.maxWriters is a text; write a whole number.',
    );
    expect(parse).toThrow(expect.objectContaining({ kind: 'config_invalid', file: 'lakeferry.yaml' }));
  });

  it.each([
    ['', '1:1 syncs is required and not there'],
    ['syncs: {}', '1:1 syncs has no sync; add at least one'],
    ['syncs:', '1:1 syncs is empty; write keys with values'],
    ['- orders', '1:1  is a list; write keys with values'],
    [
      'syncs: { orders: { source: a.b.c, target: d.e } }',
      '1:10 syncs.orders.primaryKey is required and not there',
    ],
    [
      syncs(MINIMAL.replace('id', '12')),
      '5:17 syncs.orders.primaryKey is a number; write a text or a list of texts',
    ],
    [
      syncs(MINIMAL.replace('id', '[id, 12]')),
      '5:22 syncs.orders.primaryKey.1 is a number; put it in quotes: "12"',
    ],
    [syncs(MINIMAL.replace('id', '[]')), '5:17 syncs.orders.primaryKey is an empty list; name at least one'],
    [
      syncs(MINIMAL.replace('app.orders', 'orders')),
      '4:13 syncs.orders.target "orders" has one part; write schema.table, e.g. app.orders',
    ],
    [
      syncs(MINIMAL.replace('app.orders', 'lakeferry.syncs')),
      '4:13 syncs.orders.target "lakeferry.syncs": schema "lakeferry" is Lakeferry\'s own schema; choose another',
    ],
    [
      syncs(MINIMAL.replace('app.orders', `app.${'x'.repeat(64)}`)),
      expect.stringContaining('is 64 bytes long; Postgres keeps 63'),
    ],
    [syncs(MINIMAL.replace('app.orders', '"app.a\\0b"')), expect.stringContaining('holds a NUL character')],
    [
      syncs(`${MINIMAL}\n    maxChunkRows: 999`),
      '6:19 syncs.orders.maxChunkRows 999 is out of bounds; write at least 1,000',
    ],
    [
      syncs(`${MINIMAL}\n    maxChunkRows: 10000001`),
      '6:19 syncs.orders.maxChunkRows 10000001 is out of bounds; write at most 10,000,000',
    ],
    [
      syncs(`${MINIMAL}\n    maxWriters: 1.5`),
      '6:17 syncs.orders.maxWriters is a number that is not whole; write a whole number',
    ],
    [
      syncs(`${MINIMAL}\n    schedule: rate(1 minutes)`),
      '6:15 syncs.orders.schedule "rate(1 minutes)" is not valid; write rate(1 minute)',
    ],
    [
      syncs(`${MINIMAL}\n    where: "a = 1; drop"`),
      '6:12 syncs.orders.where "a = 1; drop" holds a semicolon; write one predicate, not a statement',
    ],
    [
      syncs(`${MINIMAL}\n    columns: { types: { a: "text; drop" } }`),
      expect.stringContaining('is not a Postgres type'),
    ],
    [
      syncs(`${MINIMAL}\n    metadata: { syncedAt: xmin }`),
      '6:27 syncs.orders.metadata.syncedAt "xmin" is a system column of Postgres; choose another name',
    ],
    [
      'syncs: { __proto__: { source: a.b.c, target: d.e, primaryKey: x } }',
      '1:10  this cannot be a key; write a plain text',
    ],
    [
      `${syncs(MINIMAL)}    primaryKey: other`,
      expect.stringContaining('this stands twice in the same place; keep one'),
    ],
    ['syncs: [1,\nb: 2', expect.stringContaining('2:1')],
    [
      'syncs: *nowhere',
      '1:8  this is an alias (*name) of nothing before it; put the text in quotes if it is none',
    ],
    [
      'a: &a [x,x]\nb: &b [*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c]',
      expect.stringContaining('multiply beyond reason'),
    ],
  ])('says what is wrong with %j', (text, expected) => {
    expect(told(text)[0]).toEqual(expected);
  });

  it.each([
    [
      'include: [a], exclude: [b]',
      'syncs.orders.columns.exclude cannot stand beside include; keep one of the two',
    ],
    ['exclude: [ID]', 'syncs.orders.columns.exclude.0 "ID" is a key column and must be synced'],
    [
      'rename: { a: x, b: x }',
      'syncs.orders.columns.rename.b "x" is the target column of source column "a" already',
    ],
    [
      'rename: { a: id }',
      'syncs.orders.columns.rename.a "id" is the target column of source column "id" already',
    ],
    [
      'rename: { a: x, A: y }',
      'syncs.orders.columns.rename.A stands twice: column names of Databricks have no case',
    ],
    ['exclude: [a], rename: { a: b }', 'syncs.orders.columns.rename.a is excluded; remove one of the two'],
    ['include: [b], types: { a: text }', 'syncs.orders.columns.types.a is not among the included columns'],
    ['include: [b, B]', 'syncs.orders.columns.include.1 names "B" twice'],
  ])('finds the contradiction in columns: { %s }', (columns, expected) => {
    const found = problemsOf(syncs(`${MINIMAL}\n    columns: { ${columns} }`));
    expect(found.map(({ path, message }) => `${path} ${message}`)).toContain(expected);
  });

  it.each([
    [
      'deletes: soft',
      'syncs.orders.deletes soft needs softDeleteColumn: name the timestamptz column that a delete sets',
    ],
    [
      'softDeleteColumn: gone_at',
      'syncs.orders.softDeleteColumn has no meaning with deletes: hard; write deletes: soft, or remove this key',
    ],
    [
      'metadata: { syncedAt: id }',
      'syncs.orders.metadata.syncedAt "id" is the target column of source column "id" already',
    ],
    [
      'metadata: { syncedAt: x, commitVersion: x }',
      'syncs.orders.metadata.syncedAt "x" is the target column of metadata.commitVersion already',
    ],
    [
      'deletes: soft\n    softDeleteColumn: id',
      'syncs.orders.softDeleteColumn "id" is the target column of source column "id" already',
    ],
    [
      'schedule: rate(1 hour)\n    maxLag: 1 hour',
      'syncs.orders.maxLag 1 hour is not longer than from tick to tick of rate(1 hour); raise maxLag, or tick more often',
    ],
    [
      'maxLag: 5 minutes',
      'syncs.orders.maxLag 5 minutes is not longer than from tick to tick of rate(5 minutes); raise maxLag, or tick more often',
    ],
  ])('finds the contradiction in %j', (settings, expected) => {
    const found = problemsOf(syncs(`${MINIMAL}\n    ${settings}`));
    expect(found.map(({ path, message }) => `${path} ${message}`)).toEqual([expected]);
  });

  it('finds defaults for soft deletes that name no column', () => {
    expect(told(`defaults: { deletes: soft }\n${syncs(MINIMAL)}`)).toEqual([
      '1:22 defaults.deletes soft needs softDeleteColumn: name the timestamptz column that a delete sets',
    ]);
  });

  it('accepts the renames that only look like a contradiction', () => {
    const columns = 'columns: { rename: { id: a, a: id }, types: { b: "numeric(12, 2)" } }';
    expect(problemsOf(syncs(`${MINIMAL}\n    ${columns}`))).toEqual([]);
  });

  it('finds contradictions beside settings that are wrong by themselves', () => {
    const found = told(
      syncs(`${MINIMAL}\n    columns: { exclude: [id], types: { a: ";" } }\n    maxWriters: x`),
    );
    expect(found).toHaveLength(3);
  });
});

describe('secrets that were pasted into the file', () => {
  const pasted = [
    'connections: { neon: { url: "postgresql://ana:hunter2@ep-x.neon.tech/app" } }',
    'connections:\n  neon:\n    password: hunter2',
    'connections: { databricks: { hots: x, token: hunter2 } }',
    'connections: { databricks: { secret: "hunter2 hunter2" } }',
    'connections:\n  databricks:\n    secret: |\n      hunter2:\n      hunter2',
    'connections:\n  databricks: { host: "https://x:hunter2@y" }',
    'connections: { neon: { "postgresql://ana:hunter2@ep-x/app": 1 } }',
    'password: |\n  a\n  hunter2\nsyncs: [',
    'token: *hunter2',
    'token:\n\thunter2',
    '  token: x\n hunter2',
    'token: "hunter2',
    'neon: { password: hunter2, password: hunter2 }',
  ];

  it.each(pasted)('appear in no problem and no message: %j', (text) => {
    const problems = problemsOf(text);
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain('hunter2');
    expect(() => parseConfig(text, 'lakeferry.yaml')).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
    );
  });

  it.each(['dapi0123456789abcdef', 'postgresql://a:b@c/d', 'two words'])(
    'are refused in place of the name of a secret: %j',
    (secret) => {
      const problems = problemsOf(`connections: { neon: { secret: "${secret}" } }\n${syncs(MINIMAL)}`);
      expect(problems.map(({ path, message }) => `${path} ${message}`)).toEqual([
        'connections.neon.secret the value is not valid; write the name or ARN of a secret in AWS Secrets Manager, never the secret itself',
      ]);
    },
  );

  it('leave the lines beside them readable', () => {
    const problems = problemsOf('connections:\n  neon:\n    password: x\nsyncs: {}');
    expect(problems.map((problem) => problem.sourceLine)).toEqual([undefined, 'syncs: {}']);
  });
});
