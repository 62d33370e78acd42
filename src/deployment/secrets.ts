import {
  GetSecretValueCommand,
  InvalidRequestException,
  ResourceNotFoundException,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { EnvironmentError } from '../config/config-error.ts';
import type { FetchSecret } from '../config/secret-value.ts';
import { clientSettings } from './client-settings.ts';
import { controlPlaneError } from './control-plane-error.ts';
import { findCredentials } from './credentials.ts';
import { noRegion } from './no-region.ts';
import { secretRegion } from './secret-region.ts';

/**
 * Fetches with the credentials that the AWS SDK finds: those of whoever runs a command, or of a function's role. A name
 * is looked for in the `configured` region, or else where the SDK's own chain says: `AWS_REGION`, then the profile's.
 * `file` is the configuration, as a person named it.
 */
export function secretsManager(
  configured: string | undefined,
  file: string,
  signal: AbortSignal,
): FetchSecret {
  return async (SecretId) => {
    const client = new SecretsManagerClient(clientSettings(secretRegion(SecretId) ?? configured));
    const region = await client.config.region().catch(() => undefined);
    if (region === undefined)
      throw unfetched(SecretId, 'no AWS region is set; set AWS_REGION', { cause: noRegion(file) });
    try {
      await findCredentials(client);
      const { SecretString } = await client.send(new GetSecretValueCommand({ SecretId }), {
        abortSignal: signal,
      });
      if (SecretString === undefined) throw unfetched(SecretId, `holds no text in ${region}`);
      return SecretString;
    } catch (thrown) {
      if (thrown instanceof EnvironmentError) throw thrown;
      if (thrown instanceof ResourceNotFoundException) {
        throw unfetched(SecretId, `not found in Secrets Manager in ${region}, or empty`, {
          remedy: `Create the secret: aws secretsmanager create-secret --name ${SecretId} --secret-string file://secret.json --region ${region} (or put-secret-value with --secret-id, where it is empty)`,
        });
      }
      // Of all that this error is for, a read meets this alone.
      if (thrown instanceof InvalidRequestException) {
        throw unfetched(SecretId, `deleted in ${region}, and can be restored`, {
          remedy: `Restore the secret: aws secretsmanager restore-secret --secret-id ${SecretId} --region ${region}`,
        });
      }
      const thing = { name: `the secret "${SecretId}"`, region, right: 'secretsmanager:GetSecretValue' };
      const error = controlPlaneError(thrown, thing, signal);
      throw unfetched(SecretId, error.message.replace(/\.$/, ''), { cause: error, remedy: error.remedy });
    } finally {
      client.destroy();
    }
  };
}

function unfetched(
  secretId: string,
  message: string,
  why: { readonly remedy?: string; readonly cause?: unknown } = {},
): EnvironmentError {
  return new EnvironmentError([{ variable: `secret ${secretId}`, message }], why);
}
