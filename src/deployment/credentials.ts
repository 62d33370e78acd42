import { readAwsFailure } from '../error/aws-failure.ts';

interface Client {
  readonly config: { readonly credentials: () => Promise<unknown> };
}

/**
 * Has the AWS SDK find credentials for a client, before it calls. To take on a profile's role it asks STS, whose
 * refusal would else be taken for that of the call: it is thrown as one of the credentials.
 */
export async function findCredentials({ config }: Client): Promise<void> {
  try {
    await config.credentials();
  } catch (cause) {
    const { reason } = readAwsFailure(cause);
    if (reason !== 'forbidden' && reason !== 'not_found' && reason !== 'refused') throw cause;
    throw Object.assign(new Error('The AWS SDK found no credentials.', { cause }), {
      name: 'CredentialsProviderError',
    });
  }
}
