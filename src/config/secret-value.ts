import * as z from 'zod';
import { concealAuth, concealNeon } from './concealed.ts';
import { EnvironmentError } from './config-error.ts';
import { directUrlProblem, postgresUrlProblem } from './connection-values.ts';
import type { DatabricksConnection, NeonConnection } from './connections.ts';

/** Gives a secret's text by its name or ARN. Throws EnvironmentError. */
export type FetchSecret = (secretId: string) => Promise<string>;

/** The forms of the two secrets in AWS Secrets Manager. Nothing of a secret reaches an error. */

const text = z.string().trim().min(1);
const databricksSecret = z.union([
  z.strictObject({ token: text }),
  z.strictObject({ clientId: text, clientSecret: text }),
]);
const neonSecret = z.strictObject({ url: text, directUrl: text.optional() });

/** `{"token": …}` or `{"clientId": …, "clientSecret": …}`. Throws EnvironmentError. */
export function parseDatabricksSecret(secretId: string, value: string): DatabricksConnection['auth'] {
  const parsed = databricksSecret.safeParse(parseJson(value));
  if (!parsed.success) throw malformed(secretId, '{"token": …} or {"clientId": …, "clientSecret": …}');
  return concealAuth(
    'token' in parsed.data ? { kind: 'token', ...parsed.data } : { kind: 'oauth', ...parsed.data },
  );
}

/** `{"url": …}` with or without a `directUrl`, or the URL alone. Throws EnvironmentError. */
export function parseNeonSecret(secretId: string, value: string): NeonConnection {
  const json = value.trimStart().startsWith('{') ? parseJson(value) : { url: value };
  const parsed = neonSecret.safeParse(json);
  if (!parsed.success) throw malformed(secretId, '{"url": …, "directUrl": …}');
  const { url, directUrl } = parsed.data;
  const direct = directUrl === undefined ? undefined : directUrlProblem(directUrl);
  const problem = postgresUrlProblem(url) ?? (direct === undefined ? undefined : `directUrl ${direct}`);
  if (problem !== undefined)
    throw new EnvironmentError([{ variable: `secret ${secretId}`, message: problem }]);
  return concealNeon({ url, ...(directUrl !== undefined && { directUrl }) });
}

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return undefined;
  }
}

function malformed(secretId: string, form: string): EnvironmentError {
  return new EnvironmentError([{ variable: `secret ${secretId}`, message: `not of the form ${form}` }]);
}
