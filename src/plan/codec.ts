import * as z from 'zod';
import { type CommitVersion, parseCommitVersion } from '../change/commit-version.ts';
import { SyncError } from '../error/sync-error.ts';
import type { Chunk, Plan } from './plan.ts';

const version = z.codec(z.string().regex(/^(0|[1-9][0-9]{0,18})$/), z.custom<CommitVersion>(), {
  decode: (text) => parseCommitVersion(text),
  encode: (value) => value.toString(),
});

const column = z.strictObject({
  source: z.string(),
  target: z.string(),
  sourceType: z.string(),
  targetType: z.string(),
  comment: z.string().exactOptional(),
});

const mapping = z.strictObject({
  keyColumns: z.int().min(1),
  columns: z.array(column).min(1).readonly(),
  where: z.string().exactOptional(),
  deletes: z.discriminatedUnion('mode', [
    z.strictObject({ mode: z.literal('hard') }),
    z.strictObject({ mode: z.literal('soft'), column: z.string() }),
    z.strictObject({ mode: z.literal('ignore') }),
  ]),
  metadata: z.strictObject({
    commitVersion: z.string().exactOptional(),
    commitTimestamp: z.string().exactOptional(),
    syncedAt: z.string().exactOptional(),
  }),
  nulCharacters: z.enum(['reject', 'strip']),
  rejectedRows: z.enum(['halt', 'quarantine']),
});

const plan = z.strictObject({
  id: z.uuid(),
  sync: z.string().min(1),
  base: z.uuid(),
  source: z.strictObject({ catalog: z.string(), schema: z.string(), table: z.string() }),
  sourceTableId: z.string().min(1),
  target: z.strictObject({ schema: z.string(), table: z.string() }),
  work: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('snapshot'), version }),
    z.strictObject({ kind: z.literal('window'), after: version, through: version }),
  ]),
  throughCommittedAt: z.int(),
  slices: z.int().min(1).max(500),
  pages: z.int().min(1).max(4096),
  mapping,
});

const message = z.strictObject({
  v: z.literal(1),
  sync: z.string(),
  planId: z.uuid(),
  slice: z.int().min(0),
  plan,
});

/** The plan as a JSON value: versions are decimal text. */
export function encodePlan(value: Plan): unknown {
  return z.encode(plan, value);
}

/** Throws `message_invalid` when the value was not written by `encodePlan` of this format. */
export function decodePlan(value: unknown): Plan {
  return decode(plan, value);
}

/** Body of one SQS message: self-contained, `{v, sync, planId, slice, plan}`. */
export function encodeMessage(chunk: Chunk): string {
  const { plan: of, slice } = chunk;
  return JSON.stringify({ v: 1, sync: of.sync, planId: of.id, slice, plan: encodePlan(of) });
}

/** Throws `message_invalid`. */
export function decodeMessage(body: string): Chunk {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (cause) {
    throw new SyncError('message_invalid', 'A message is not JSON.', {}, { cause });
  }
  const parsed = decode(message, json);
  if (
    parsed.planId !== parsed.plan.id ||
    parsed.sync !== parsed.plan.sync ||
    parsed.slice >= parsed.plan.slices
  ) {
    throw new SyncError('message_invalid', 'A message contradicts its own plan.', {
      sync: parsed.sync,
      planId: parsed.planId,
    });
  }
  return { plan: parsed.plan, slice: parsed.slice };
}

function decode<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const where = result.error.issues.map((issue) => issue.path.join('.') || '(top)').join(', ');
  throw new SyncError(
    'message_invalid',
    `A plan or message has an unknown form at: ${where}.`,
    {},
    { cause: result.error },
  );
}
