import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { decodeMessage, decodePlan, encodeMessage, encodePlan, planText } from '../../src/plan/codec.ts';
import type { Mapping } from '../../src/plan/mapping.ts';
import type { Chunk, Plan, Work } from '../../src/plan/plan.ts';
import { aPlan } from '../support/plans.ts';

const PLAIN = { noNullPrototype: true };

/** Any UTF-16 text, lone surrogates and noncharacters among it. */
const text = fc.string({
  unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
});
const name = fc.oneof(text, fc.string({ unit: 'grapheme' }));
const nonEmpty = fc.string({ minLength: 1, unit: 'grapheme' });
const version = fc.bigInt({ min: 0n, max: 9_223_372_036_854_775_807n }).map(parseCommitVersion);
const optional = <T>(values: Record<string, fc.Arbitrary<T>>) =>
  fc.record(values, { requiredKeys: [], noNullPrototype: true });

const column = fc.record(
  { source: name, target: name, sourceType: name, targetType: name, comment: text },
  { requiredKeys: ['source', 'target', 'sourceType', 'targetType'], noNullPrototype: true },
);
const mapping: fc.Arbitrary<Mapping> = fc
  .record(
    {
      columns: fc.array(column, { minLength: 1, maxLength: 5 }),
      where: text,
      deletes: fc.oneof(
        fc.constant({ mode: 'hard' as const }),
        fc.constant({ mode: 'ignore' as const }),
        name.map((softColumn) => ({ mode: 'soft' as const, column: softColumn })),
      ),
      metadata: optional({ commitVersion: name, commitTimestamp: name, syncedAt: name }),
      nulCharacters: fc.constantFrom('reject' as const, 'strip' as const),
      rejectedRows: fc.constantFrom('halt' as const, 'quarantine' as const),
      maxRejectedRows: fc.integer({ min: 1, max: 100_000 }),
      maxDeletePercent: fc.integer({ min: 1, max: 100 }),
    },
    {
      requiredKeys: [
        'columns',
        'deletes',
        'metadata',
        'nulCharacters',
        'rejectedRows',
        'maxRejectedRows',
        'maxDeletePercent',
      ],
      noNullPrototype: true,
    },
  )
  .chain((rest) =>
    fc.integer({ min: 1, max: rest.columns.length }).map((keyColumns) => ({ keyColumns, ...rest })),
  );
const work: fc.Arbitrary<Work> = fc.oneof(
  version.map((at) => ({ kind: 'snapshot' as const, version: at })),
  fc
    .tuple(version, version)
    .filter(([a, b]) => a !== b)
    .map((pair) => {
      const [after, through] = pair.toSorted((a, b) => (a < b ? -1 : 1)) as typeof pair;
      return { kind: 'window' as const, after, through };
    }),
);
const anyPlan: fc.Arbitrary<Plan> = fc.record(
  {
    id: fc.uuid(),
    sync: nonEmpty,
    base: fc.uuid(),
    source: fc.record({ catalog: name, schema: name, table: name }, PLAIN),
    sourceTableId: nonEmpty,
    target: fc.record({ schema: name, table: name }, PLAIN),
    work,
    throughCommittedAt: fc.maxSafeInteger(),
    slices: fc.integer({ min: 1, max: 500 }),
    divisible: fc.boolean(),
    writers: fc.integer({ min: 1, max: 100 }),
    pages: fc.integer({ min: 1, max: 4096 }),
    mapping,
  },
  PLAIN,
);
const anyChunk: fc.Arbitrary<Chunk> = anyPlan.chain((plan) =>
  fc
    .integer({ min: 0, max: 6 })
    .map((halvings) => plan.slices * 2 ** halvings)
    .chain((of) => fc.integer({ min: 0, max: of - 1 }).map((slice) => ({ plan, slice, of }))),
);

function refusal(call: () => unknown): SyncError {
  try {
    call();
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(SyncError);
    return thrown as SyncError;
  }
  return expect.fail('nothing was thrown');
}

/** The message of a plan, with some of its JSON replaced. */
function tampered(change: (json: MessageJson) => void): string {
  const json = JSON.parse(encodeMessage({ plan: aPlan(), slice: 1, of: 3 })) as MessageJson;
  change(json);
  return JSON.stringify(json);
}
interface MessageJson extends Record<string, unknown> {
  plan: Record<string, unknown> & {
    work: Record<string, unknown>;
    mapping: Record<string, unknown>;
  };
}

describe('a plan', () => {
  it('comes back from its JSON as it was', () => {
    fc.assert(
      fc.property(anyPlan, (plan) => {
        expect(decodePlan(JSON.parse(JSON.stringify(encodePlan(plan))))).toStrictEqual(plan);
        expect(planText.parse(planText.encode(plan))).toStrictEqual(plan);
      }),
    );
  });

  it('carries versions beyond 2^53 as decimal text', () => {
    const through = parseCommitVersion('9223372036854775807');
    const plan = aPlan({ work: { kind: 'window', after: parseCommitVersion('9007199254740993'), through } });
    expect(encodePlan(plan)).toMatchObject({
      work: { kind: 'window', after: '9007199254740993', through: '9223372036854775807' },
    });
  });

  it.each([
    ['slices', { slices: 501 }],
    ['pages', { pages: 0 }],
    ['id', { id: 'plan 1' }],
    ['mapping.keyColumns', { mapping: { ...aPlan().mapping, keyColumns: 3 } }],
    [
      'work.through',
      { work: { kind: 'window', after: parseCommitVersion(4), through: parseCommitVersion(4) } },
    ],
  ] as const)('that no reader would take back is not written: %s', (place, over) => {
    const error = refusal(() => encodePlan(aPlan(over)));
    expect(error.kind).toBe('internal');
    expect(error.message).toContain(place);
  });
});

describe('a message', () => {
  it('comes back from its body as the chunk that it was', () => {
    fc.assert(
      fc.property(anyChunk, (chunk) => {
        expect(decodeMessage(encodeMessage(chunk))).toStrictEqual(chunk);
      }),
    );
  });

  it('holds only characters that SQS takes', () => {
    const taken = /^[\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]*$/u;
    fc.assert(
      fc.property(anyChunk, (chunk) => {
        expect(encodeMessage(chunk)).toMatch(taken);
      }),
    );
    const awkward = '\uFFFE \uFFFF \u0000 \uD800 \\uFFFF';
    expect(encodeMessage({ plan: aPlan({ sourceTableId: awkward }), slice: 0, of: 3 })).toMatch(taken);
  });

  it('is the same text for the same chunk', () => {
    const plan = aPlan();
    const chunk = { slice: 2, of: 3 };
    expect(encodeMessage({ plan: structuredClone(plan), ...chunk })).toBe(encodeMessage({ plan, ...chunk }));
  });

  it.each([
    ['v', tampered((json) => (json['v'] = 2))],
    ['(top)', tampered((json) => (json['more'] = 1))],
    ['slice', tampered((json) => (json['slice'] = -1))],
    ['slice', tampered((json) => (json['slice'] = '1'))],
    ['of', tampered((json) => (json['of'] = 0))],
    ['of', tampered((json) => (json['of'] = 1.5))],
    ['plan', tampered((json) => (json.plan['more'] = 1))],
    ['plan.base', tampered((json) => (json.plan['base'] = '7'))],
    ['plan.work.after', tampered((json) => (json.plan.work['after'] = '04'))],
    ['plan.work.after', tampered((json) => (json.plan.work['after'] = '-1'))],
    ['plan.work.after', tampered((json) => (json.plan.work['after'] = 4))],
    ['plan.work.through', tampered((json) => (json.plan.work['through'] = '9223372036854775808'))],
    ['plan.work.through', tampered((json) => (json.plan.work['through'] = '4'))],
    ['plan.work.kind', tampered((json) => (json.plan.work['kind'] = 'diff'))],
    ['plan.mapping.keyColumns', tampered((json) => (json.plan.mapping['keyColumns'] = 3))],
    ['plan.mapping.columns', tampered((json) => (json.plan.mapping['columns'] = []))],
    ['plan.mapping.deletes', tampered((json) => (json.plan.mapping['deletes'] = { mode: 'soft' }))],
  ])('of another form is refused by its place: %s', (place, body) => {
    const error = refusal(() => decodeMessage(body));
    expect(error.kind).toBe('message_invalid');
    expect(error.message).toContain(place);
  });

  it.each([
    ['another plan id', tampered((json) => (json['planId'] = aPlan().id))],
    ['another sync', tampered((json) => (json['sync'] = 'orders'))],
    ['a slice that the plan does not have', tampered((json) => (json['slice'] = 3))],
    ['parts that are no halves', tampered((json) => (json['of'] = 9))],
    ['more than a slice of the plan', tampered((json) => (json['of'] = 1))],
  ])('that contradicts its plan is refused: %s', (_, body) => {
    const error = refusal(() => decodeMessage(body));
    expect(error.kind).toBe('message_invalid');
    expect(error.message).toContain('contradicts');
  });

  it.each(['', '{', 'null', '[]', '"text"', '{"v":1}'])(
    'that is no message of ours is refused: %s',
    (body) => {
      expect(refusal(() => decodeMessage(body)).kind).toBe('message_invalid');
    },
  );

  it('of any text whatever is refused with a SyncError or read', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (body) => {
        expect(refusal(() => decodeMessage(body)).kind).toBe('message_invalid');
      }),
    );
  });

  it('repeats nothing of what it holds when it is refused', () => {
    const error = refusal(() => decodeMessage(tampered((json) => (json.plan['base'] = 'SECRET'))));
    expect(error.message).not.toContain('SECRET');
    expect(JSON.stringify(error.fields)).not.toContain('SECRET');
  });
});
