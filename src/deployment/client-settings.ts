/** Of every client of a control plane: a person waits for the answer. Credentials are found by the SDK's own chain. */
export function clientSettings(region: string | undefined, requestTimeoutMs = 10_000) {
  return {
    ...(region === undefined ? {} : { region }),
    maxAttempts: 4,
    requestHandler: {
      connectionTimeout: 3_000,
      requestTimeout: requestTimeoutMs,
      throwOnRequestTimeout: true,
    },
  };
}
