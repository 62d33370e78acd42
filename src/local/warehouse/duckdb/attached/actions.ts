import * as z from 'zod';
import { corruptLog } from './log-errors.ts';

/**
 * The actions of a Delta log that say what a table holds, by the Delta transaction log protocol. Other actions and
 * fields are passed over; what a reader must not pass over is named in the protocol action.
 */
const partitionValues = z.record(z.string(), z.string().nullable());

/** What a deletion vector says is not looked into: its presence alone is refused. */
const deletionVector = z.unknown().nullish();

const add = z.object({
  path: z.string(),
  partitionValues,
  size: z.int(),
  dataChange: z.boolean(),
  deletionVector,
});

const remove = z.object({
  path: z.string(),
  partitionValues: partitionValues.nullish(),
  dataChange: z.boolean(),
  deletionVector,
});

const cdc = z.object({ path: z.string(), partitionValues });

const metaData = z.object({
  id: z.string(),
  description: z.string().nullish(),
  schemaString: z.string(),
  partitionColumns: z.array(z.string()),
  configuration: z.record(z.string(), z.string()),
  createdTime: z.int().nullish(),
});

const protocol = z.object({
  minReaderVersion: z.int(),
  minWriterVersion: z.int(),
  readerFeatures: z.array(z.string()).nullish(),
  writerFeatures: z.array(z.string()).nullish(),
});

const facts = z.record(z.string(), z.unknown()).nullish();

const commitInfo = z.object({
  inCommitTimestamp: z.int().nullish(),
  operation: z.string().nullish(),
  operationParameters: facts,
  operationMetrics: facts,
  readVersion: z.int().nullish(),
  isolationLevel: z.string().nullish(),
  isBlindAppend: z.boolean().nullish(),
  userId: z.string().nullish(),
  userName: z.string().nullish(),
  userMetadata: z.string().nullish(),
  engineInfo: z.string().nullish(),
});

const action = z.object({
  add: add.nullish(),
  remove: remove.nullish(),
  cdc: cdc.nullish(),
  metaData: metaData.nullish(),
  protocol: protocol.nullish(),
  commitInfo: commitInfo.nullish(),
});

export type AddFile = z.infer<typeof add>;
export type RemoveFile = z.infer<typeof remove>;
export type ChangeFile = z.infer<typeof cdc>;
export type MetadataAction = z.infer<typeof metaData>;
export type ProtocolAction = z.infer<typeof protocol>;
export type CommitInfo = z.infer<typeof commitInfo>;

/** The actions of one commit or checkpoint. */
export interface Actions {
  readonly adds: readonly AddFile[];
  readonly removes: readonly RemoveFile[];
  readonly changeFiles: readonly ChangeFile[];
  readonly metadata: MetadataAction | undefined;
  readonly protocol: ProtocolAction | undefined;
  readonly info: CommitInfo | undefined;
}

/** `lines` holds one action each, as JSON; `file` names where they come from. */
export function parseActions(lines: readonly string[], file: string): Actions {
  const actions = lines.filter((line) => line.trim() !== '').map((line) => parseAction(line, file));
  const all = <T>(pick: (of: z.infer<typeof action>) => T | null | undefined): T[] =>
    actions.flatMap((of) => pick(of) ?? []) as T[];
  return {
    adds: all((of) => of.add),
    removes: all((of) => of.remove),
    changeFiles: all((of) => of.cdc),
    metadata: all((of) => of.metaData).at(-1),
    protocol: all((of) => of.protocol).at(-1),
    info: all((of) => of.commitInfo).at(-1),
  };
}

/** The parser's own failure may quote the line, and statistics hold values of rows: it is left out. */
function parseAction(line: string, file: string): z.infer<typeof action> {
  const { data } = action.safeParse(parseJson(line));
  if (!data) throw corruptLog(`${file} holds a line that is no action of a Delta log`);
  return data;
}

/** Undefined where the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
