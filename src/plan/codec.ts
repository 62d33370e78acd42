import * as z from 'zod';
import { type CommitVersion, parseCommitVersion } from '../change/commit-version.ts';
import { SyncError } from '../error/sync-error.ts';
import type { Chunk, Plan } from './plan.ts';
import type { Slice } from './slices.ts';

/** A commit version as decimal text, its form on every wire. */
export const commitVersionText = z.codec(
  z.string(),
  z.custom<CommitVersion>((value) => typeof value === 'bigint'),
  {
    decode: (text, context) => {
      try {
        return parseCommitVersion(text);
      } catch {
        context.issues.push({ code: 'custom', input: text, message: 'not a commit version' });
        return z.NEVER;
      }
    },
    encode: (value) => value.toString(),
  },
);

const column = z.strictObject({
  source: z.string(),
  target: z.string(),
  sourceType: z.string(),
  targetType: z.string(),
  comment: z.string().exactOptional(),
});

const mapping = z
  .strictObject({
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
    maxRejectedRows: z.int().min(1),
    maxDeletePercent: z.int().min(1).max(100),
  })
  .refine(({ keyColumns, columns }) => keyColumns <= columns.length, { path: ['keyColumns'] });

const plan = z.strictObject({
  id: z.uuid(),
  sync: z.string().min(1),
  base: z.uuid(),
  source: z.strictObject({ catalog: z.string(), schema: z.string(), table: z.string() }),
  sourceTableId: z.string().min(1),
  target: z.strictObject({ schema: z.string(), table: z.string() }),
  work: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('snapshot'), version: commitVersionText }),
    z
      .strictObject({ kind: z.literal('window'), after: commitVersionText, through: commitVersionText })
      .refine(({ after, through }) => after < through, { path: ['through'] }),
    z.strictObject({ kind: z.literal('retry'), version: commitVersionText }),
  ]),
  throughCommittedAt: z.int(),
  slices: z.int().min(1).max(500),
  divisible: z.boolean(),
  writers: z.int().min(1).max(100),
  pages: z.int().min(1).max(4096),
  mapping,
});

const message = z.strictObject({
  v: z.literal(1),
  sync: z.string(),
  planId: z.uuid(),
  slice: z.int().min(0),
  of: z.int().min(1),
  plan,
});

/** The plan as JSON text, for a text attribute or column. */
export const planText = z.codec(
  z.string(),
  z.custom<Plan>((value) => typeof value === 'object' && value !== null),
  {
    decode: (text, context) => {
      try {
        return decodePlan(parseJson(text));
      } catch {
        context.issues.push({ code: 'custom', input: text, message: 'not a plan' });
        return z.NEVER;
      }
    },
    encode: (value) => JSON.stringify(encodePlan(value)),
  },
);

/** The plan as a JSON value: versions are decimal text. Throws `internal` when no reader would take it back. */
export function encodePlan(value: Plan): unknown {
  const result = z.safeEncode(plan, value);
  if (result.success) return result.data;
  throw new SyncError(
    'internal',
    `A plan was made that cannot be written, at: ${placesOf(result.error)}.`,
    { sync: value.sync, planId: value.id },
    { cause: result.error },
  );
}

/** Throws `message_invalid` when the value was not written by `encodePlan` of this format. */
export function decodePlan(value: unknown): Plan {
  return decode(plan, value);
}

/** Body of one SQS message: self-contained, `{v, sync, planId, slice, of, plan}`. */
export function encodeMessage(chunk: Chunk): string {
  const { plan, slice, of } = chunk;
  const json = JSON.stringify({ v: 1, sync: plan.sync, planId: plan.id, slice, of, plan: encodePlan(plan) });
  // JSON leaves these two as they are, and SQS takes no message that holds one.
  return json.replaceAll('\uFFFE', '\\ufffe').replaceAll('\uFFFF', '\\uffff');
}

/** Throws `message_invalid`. */
export function decodeMessage(body: string): Chunk {
  const parsed = decode(message, parseJson(body));
  if (
    parsed.planId !== parsed.plan.id ||
    parsed.sync !== parsed.plan.sync ||
    !isSliceOf(parsed.plan, parsed)
  ) {
    throw new SyncError('message_invalid', 'A message contradicts its own plan.', {
      sync: parsed.sync,
      planId: parsed.planId,
    });
  }
  return { plan: parsed.plan, slice: parsed.slice, of: parsed.of };
}

function isSliceOf({ slices }: Plan, { slice, of }: Slice): boolean {
  const parts = of / slices;
  return slice < of && Number.isInteger(Math.log2(parts)) && parts >= 1;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new SyncError('message_invalid', 'A plan or message is not JSON.', {}, { cause });
  }
}

function decode<S extends z.ZodType>(schema: S, value: unknown): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  throw new SyncError(
    'message_invalid',
    `A plan or message has an unknown form at: ${placesOf(result.error)}.`,
    {},
    { cause: result.error },
  );
}

function placesOf(error: z.ZodError): string {
  return error.issues.map((issue) => issue.path.join('.') || '(top)').join(', ');
}
