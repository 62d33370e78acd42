import type * as z from 'zod';
import { lakeferryFile, SYNC_NAME, syncEntry } from '../../config/file-schema.ts';
import { configJsonSchema } from '../../config/json-schema.ts';
import { schemaFindings } from '../../config/schema-problems.ts';
import type { Question } from './interview.ts';

/** How the texts of lakeferry.yaml are read from an answer: by the schema of the file itself. */

type Parse = Question<string>['parse'];

function bySchema(schema: z.ZodType, { repeats = true }: { readonly repeats?: boolean } = {}): Parse {
  return (answer) => {
    const parsed = schema.safeParse(answer);
    if (parsed.success) return { value: answer };
    const { issues } = parsed.error;
    const [finding] = schemaFindings(issues, answer, configJsonSchema());
    const message = repeats ? finding?.message : issues[0]?.message;
    return { problem: message ?? 'this is not valid' };
  };
}

const { databricks, neon, aws } = lakeferryFile.shape.connections.unwrap().shape;

export const parseSource: Parse = bySchema(syncEntry.shape.source);
export const parseTarget: Parse = bySchema(syncEntry.shape.target);
export const parseSchedule: Parse = bySchema(syncEntry.shape.schedule);
export const parseHost: Parse = bySchema(databricks.unwrap().shape.host);
export const parseHttpPath: Parse = bySchema(databricks.unwrap().shape.httpPath);
export const parseRegion: Parse = bySchema(aws.unwrap().shape.region);
/** What is typed in the place of a secret's name may be the secret. */
export const parseSecretName: Parse = bySchema(neon.unwrap().shape.secret, { repeats: false });

export const parseSyncName: Parse = (answer) =>
  SYNC_NAME.test(answer)
    ? { value: answer }
    : { problem: `"${answer}" is not a name for a sync; write 1 to 63 of a-z, 0-9, "_" and "-"` };
