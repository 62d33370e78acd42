import { EnvironmentError } from './config-error.ts';
import type { Environment } from './environment-reader.ts';

/** Gives a secret's text by its name or ARN. Throws EnvironmentError. */
export type FetchSecret = (secretId: string) => Promise<string>;

const TIMEOUT_MS = 5_000;

/**
 * Fetches through the AWS Parameters and Secrets Lambda Extension, a layer that serves secrets to its own function
 * over loopback HTTP and caches them. The function's session token is what lets a request in. Only at invocation:
 * during a sandbox' start the extension does not answer yet.
 */
export function secretsExtension(env: Environment): FetchSecret {
  const port = env['PARAMETERS_SECRETS_EXTENSION_HTTP_PORT'] ?? '2773';
  return async (secretId) => {
    const url = `http://localhost:${port}/secretsmanager/get?secretId=${encodeURIComponent(secretId)}`;
    const headers = { 'x-aws-parameters-secrets-token': env['AWS_SESSION_TOKEN'] ?? '' };
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(TIMEOUT_MS) }).catch(
      () => undefined,
    );
    if (!response) throw unfetched(secretId, 'the secrets extension of the function does not answer');
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok) throw unfetched(secretId, `not fetched, HTTP ${response.status}`);
    const value = (body as { readonly SecretString?: unknown } | undefined)?.SecretString;
    if (typeof value !== 'string') throw unfetched(secretId, 'holds no text');
    return value;
  };
}

function unfetched(secretId: string, message: string): EnvironmentError {
  return new EnvironmentError([{ variable: `secret ${secretId}`, message }]);
}
