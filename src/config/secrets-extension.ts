import { setTimeout as wait } from 'node:timers/promises';
import { EnvironmentError } from './config-error.ts';
import type { Environment } from './environment-reader.ts';

/** Gives a secret's text by its name or ARN. Throws EnvironmentError. */
export type FetchSecret = (secretId: string) => Promise<string>;

const TIMEOUT_MS = 10_000;
const ASK_AGAIN_AFTER_MS = 100;

/**
 * Fetches through the AWS Parameters and Secrets Lambda Extension, a layer that serves secrets to its own function
 * over loopback HTTP and caches them. The function's session token is what lets a request in. Only at invocation: the
 * extension answers from the sandbox' first one on, and the function may be quicker, so that it is asked again until then.
 */
export function secretsExtension(env: Environment, timeoutMs = TIMEOUT_MS): FetchSecret {
  const port = env['PARAMETERS_SECRETS_EXTENSION_HTTP_PORT'] ?? '2773';
  return async (secretId) => {
    const url = `http://localhost:${port}/secretsmanager/get?secretId=${encodeURIComponent(secretId)}`;
    const headers = { 'x-aws-parameters-secrets-token': env['AWS_SESSION_TOKEN'] ?? '' };
    const signal = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const answer = await ask(url, headers, signal);
      if (answer) return secretText(secretId, answer);
      await wait(ASK_AGAIN_AFTER_MS, undefined, { signal }).catch(() => {
        throw unfetched(secretId, 'the secrets extension of the function does not answer');
      });
    }
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Undefined while the extension is not there yet. */
async function ask(
  url: string,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Answer | undefined> {
  try {
    const response = await fetch(url, { headers, signal });
    const text = await response.text();
    const starts = response.status === 400 && text.includes('not ready to serve traffic');
    return starts ? undefined : { status: response.status, text };
  } catch {
    return undefined;
  }
}

function secretText(secretId: string, { status, text }: Answer): string {
  if (status !== 200) throw unfetched(secretId, `not fetched, HTTP ${status}`);
  const value = (parseJson(text) as { readonly SecretString?: unknown } | undefined)?.SecretString;
  if (typeof value !== 'string') throw unfetched(secretId, 'holds no text');
  return value;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function unfetched(secretId: string, message: string): EnvironmentError {
  return new EnvironmentError([{ variable: `secret ${secretId}`, message }]);
}
