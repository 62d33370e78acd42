import type { Environment } from '../config/environment-reader.ts';
import { inPlace, type PlaceFlags } from './in-place.ts';

/**
 * The one document of a `--json` answer: `schemaVersion` first, bigints as decimal text, every `remedy` as `inPlace` has
 * it, a newline at the end. Without flags the remedies stay as they are.
 */
export function jsonDocument(
  content: Readonly<Record<string, unknown>>,
  flags: PlaceFlags = {},
  env: Environment = {},
): string {
  const asPrinted = (name: string, value: unknown): unknown => {
    if (typeof value === 'bigint') return value.toString();
    return name === 'remedy' && typeof value === 'string' ? inPlace(value, flags, env) : value;
  };
  return `${JSON.stringify({ schemaVersion: 1, ...content }, asPrinted)}\n`;
}
