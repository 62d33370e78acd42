import * as z from 'zod';
import type { Column } from '../table.ts';
import { parseTypeText } from '../type-text.ts';
import { typeText } from '../types.ts';
import { parseJson } from './actions.ts';
import { corruptLog } from './log-errors.ts';

type LoggedType =
  | string
  | { readonly type: 'array'; readonly elementType: LoggedType }
  | { readonly type: 'map'; readonly keyType: LoggedType; readonly valueType: LoggedType }
  | {
      readonly type: 'struct';
      readonly fields: readonly { readonly name: string; readonly type: LoggedType }[];
    };

const loggedType: z.ZodType<LoggedType> = z.lazy(() =>
  z.union([
    z.string(),
    z.object({ type: z.literal('array'), elementType: loggedType }),
    z.object({ type: z.literal('map'), keyType: loggedType, valueType: loggedType }),
    z.object({
      type: z.literal('struct'),
      fields: z.array(z.object({ name: z.string(), type: loggedType })),
    }),
  ]),
);

/** The key under which Spark keeps that a string is a VARCHAR or CHAR. */
const LENGTH_LIMITED_TYPE = '__CHAR_VARCHAR_TYPE_STRING';

const schema = z.object({
  type: z.literal('struct'),
  fields: z.array(
    z.object({
      name: z.string(),
      type: loggedType,
      nullable: z.boolean(),
      metadata: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
});

/** The columns of a `schemaString`. Throws for a type that the local warehouse cannot hold. */
export function parseSchemaString(text: string): Column[] {
  const { data } = schema.safeParse(parseJson(text));
  if (!data) throw corruptLog('a metaData action has a schemaString that is no schema');
  return data.fields.map(({ name, type, nullable, metadata = {} }) => {
    const { comment, [LENGTH_LIMITED_TYPE]: limited } = metadata;
    return {
      name,
      type: typeText(parseTypeText(typeof limited === 'string' ? limited : typeTextOf(type))),
      nullable,
      ...(typeof comment === 'string' && { comment }),
      stored: name,
    };
  });
}

function typeTextOf(type: LoggedType): string {
  if (typeof type === 'string') return type;
  switch (type.type) {
    case 'array':
      return `array<${typeTextOf(type.elementType)}>`;
    case 'map':
      return `map<${typeTextOf(type.keyType)},${typeTextOf(type.valueType)}>`;
    case 'struct': {
      const field = ({ name, type: of }: { readonly name: string; readonly type: LoggedType }) =>
        `\`${name.replaceAll('`', '``')}\`:${typeTextOf(of)}`;
      return `struct<${type.fields.map(field).join(',')}>`;
    }
    default:
      return type satisfies never;
  }
}
