import type * as z from 'zod';
import type { ConfigProblemCode } from './config-error.ts';
import type { JsonSchema } from './json-schema.ts';
import { isSecretKey, looksSecret } from './secret-text.ts';
import { subschemaAt } from './setting.ts';
import { nearest } from './suggestion.ts';
import type { ConfigPath } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

/** A problem before its place in the file is known. */
export interface Finding {
  readonly code: ConfigProblemCode;
  readonly path: ConfigPath;
  /** Point at the key rather than at its value. */
  readonly focus: 'key' | 'value';
  readonly message: string;
  readonly expected?: string;
  readonly suggestion?: string;
}

/** Findings in terms of the file, from what the schema says about `value`. */
export function schemaFindings(
  issues: readonly Issue[],
  value: unknown,
  schema: JsonSchema,
): readonly Finding[] {
  const narrow = issues.flatMap((issue) => narrowed(issue, value));
  const absent = narrow.filter((issue) => isAbsent(issue, value));
  const missing = new Map(
    absent.map((issue) => [issue.path.join('.'), missingKey(issue.path as ConfigPath)]),
  );
  const present = narrow
    .filter((issue) => !isAbsent(issue, value))
    .flatMap((issue) => {
      const path = issue.path as ConfigPath;
      if (issue.code !== 'unrecognized_keys') return [wrongValue(issue, valueAt(value, path))];
      return issue.keys.map((key) => unknownKey(path, key, value, schema, missing));
    });
  return [...present, ...missing.values()];
}

function isAbsent(issue: Issue, value: unknown): boolean {
  return issue.code !== 'unrecognized_keys' && valueAt(value, issue.path as ConfigPath) === undefined;
}

/** The issues of the one branch of a union that the value is of the kind of. */
function narrowed(issue: Issue, value: unknown): readonly Issue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const branch = issue.errors.find((each) => !each.some((inner) => isOfOtherKind(inner)));
  if (!branch) return [issue];
  return branch.flatMap((inner) =>
    narrowed({ ...inner, path: [...issue.path, ...inner.path] } as Issue, value),
  );
}

function isOfOtherKind(issue: Issue): boolean {
  return issue.code === 'invalid_type' && issue.path.length === 0;
}

function missingKey(path: ConfigPath): Finding {
  const key = String(path.at(-1));
  return { code: 'missing_key', path, focus: 'key', message: 'is required and not there', expected: key };
}

/** An unknown key that is near to a required one that lacks is one problem, not two. */
function unknownKey(
  parent: ConfigPath,
  key: string,
  value: unknown,
  schema: JsonSchema,
  missing: Map<string, Finding>,
): Finding {
  const path = [...parent, key];
  const here = valueAt(value, parent) as object;
  const known = Object.keys(subschemaAt(schema, parent)?.properties ?? {});
  const free = known.filter((name) => !(name in here));
  const suggestion = nearest(key, free);
  const base = { code: 'unknown_key', path, focus: 'key', expected: free.join(', ') } as const;
  if (suggestion === undefined) {
    const secret =
      parent[0] === 'connections' ? '; secrets stand in the environment or in Secrets Manager' : '';
    const list = free.length > 0 && secret === '' ? `; here may stand ${free.join(', ')}` : '';
    return { ...base, message: `unknown key${list}${secret}` };
  }
  const required = missing.delete([...parent, suggestion].join('.')) ? ` (${suggestion} is required)` : '';
  return { ...base, suggestion, message: `unknown key; did you mean "${suggestion}"?${required}` };
}

function wrongValue(issue: Issue, value: unknown): Finding {
  const path = issue.path as ConfigPath;
  const base = { path, focus: 'value' } as const;
  const text = path.some((part) => isSecretKey(String(part))) ? 'the value' : shown(value);
  switch (issue.code) {
    case 'invalid_type':
      return { ...base, code: 'wrong_type', ...expectation(issue.expected, value) };
    case 'invalid_union':
      return { ...base, code: 'wrong_type', ...expectation('string or array', value) };
    case 'invalid_value': {
      const options = issue.values.map(String);
      const suggestion = typeof value === 'string' ? nearest(value, options) : undefined;
      const hint = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
      const expected = options.join(', ');
      return {
        ...base,
        code: 'not_allowed',
        message: `${text} is not one of ${expected}${hint}`,
        expected,
        ...(suggestion !== undefined && { suggestion }),
      };
    }
    case 'too_small':
    case 'too_big':
      return { ...base, code: 'not_allowed', ...bound(issue, text) };
    default:
      return { ...base, code: 'not_allowed', message: sentence(text, issue.message) };
  }
}

function sentence(text: string, message: string): string {
  if (message.startsWith('write ')) return `${text} is not valid; ${message}`;
  return message.startsWith(':') ? `${text}${message}` : `${text} ${message}`;
}

function bound(issue: z.core.$ZodIssueTooSmall | z.core.$ZodIssueTooBig, value: string) {
  const [word, limit] =
    issue.code === 'too_small' ? (['least', issue.minimum] as const) : (['most', issue.maximum] as const);
  if (issue.origin === 'array') {
    return { message: 'is an empty list; name at least one', expected: 'a list of at least one' };
  }
  const limitText = Number(limit).toLocaleString('en-US');
  return {
    message: `${value} is out of bounds; write at ${word} ${limitText}`,
    expected: `at ${word} ${limitText}`,
  };
}

const KINDS: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a whole number',
  int: 'a whole number',
  array: 'a list',
  object: 'keys with values',
  record: 'keys with values',
  'string or array': 'a text or a list of texts',
};

function expectation(expected: string, value: unknown) {
  const wanted = KINDS[expected] ?? expected;
  const quotes = expected === 'string' && ['number', 'boolean'].includes(typeof value);
  const hint = quotes ? `put it in quotes: "${String(value)}"` : `write ${wanted}`;
  return { message: `is ${kindOf(value)}; ${hint}`, expected: wanted };
}

function kindOf(value: unknown): string {
  if (value === null || value === undefined) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'boolean') return 'true or false';
  if (typeof value === 'number') return Number.isInteger(value) ? 'a number' : 'a number that is not whole';
  return typeof value === 'string' ? 'a text' : 'a group of keys';
}

/** A value as a problem quotes it: short, and never one that looks like a secret. */
function shown(value: unknown): string {
  if (typeof value === 'object') return kindOf(value);
  if (typeof value !== 'string') return String(value);
  if (looksSecret(value)) return 'the value';
  return `"${value.length > 60 ? `${value.slice(0, 57)}…` : value}"`;
}

function valueAt(value: unknown, path: ConfigPath): unknown {
  return path.reduce<unknown>(
    (at, part) =>
      typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[part] : undefined,
    value,
  );
}
