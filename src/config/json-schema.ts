import * as z from 'zod';
import { lakeferryFile } from './file-schema.ts';

/** The part of JSON Schema (draft 7) that the configuration uses. */
export interface JsonSchema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly examples?: readonly unknown[];
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: JsonSchema | false;
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
}

/** JSON Schema of lakeferry.yaml as a person writes it. */
export function configJsonSchema(): JsonSchema {
  return z.toJSONSchema(lakeferryFile, { io: 'input', target: 'draft-7' }) as JsonSchema;
}

/** Text of lakeferry.schema.json, with its last newline. */
export function configJsonSchemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}
