/** Of every client of a control plane: a person waits for the answer. Credentials are found by the SDK's own chain. */
export function clientSettings(
  region: string | undefined,
  { requestTimeoutMs = 10_000, maxAttempts = 4 }: { requestTimeoutMs?: number; maxAttempts?: number } = {},
) {
  return {
    ...(region === undefined ? {} : { region }),
    maxAttempts,
    requestHandler: {
      connectionTimeout: 3_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  };
}
