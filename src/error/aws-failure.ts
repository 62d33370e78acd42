/** What kept an AWS call from succeeding, as far as the SDK's error tells. */
export interface AwsFailure {
  readonly reason:
    | 'not_found'
    | 'forbidden'
    | 'credentials'
    | 'throttled'
    | 'unreachable'
    | 'service_fault'
    | 'refused';
  /** Name of the service's error, or of the network's, e.g. `AccessDeniedException` or `ECONNREFUSED`. */
  readonly code: string;
  readonly httpStatus?: number;
}

const REASON_BY_NAME: Readonly<Record<string, AwsFailure['reason']>> = {
  ResourceNotFoundException: 'not_found',
  NotFoundException: 'not_found',
  QueueDoesNotExist: 'not_found',
  'AWS.SimpleQueueService.NonExistentQueue': 'not_found',

  AccessDenied: 'forbidden',
  AccessDeniedException: 'forbidden',
  AuthorizationErrorException: 'forbidden',
  NotAuthorized: 'forbidden',
  KMSAccessDeniedException: 'forbidden',
  KmsAccessDenied: 'forbidden',
  KmsAccessDeniedException: 'forbidden',

  CredentialsProviderError: 'credentials',
  ExpiredToken: 'credentials',
  ExpiredTokenException: 'credentials',
  IncompleteSignature: 'credentials',
  IncompleteSignatureException: 'credentials',
  InvalidClientTokenId: 'credentials',
  InvalidSignatureException: 'credentials',
  MissingAuthenticationToken: 'credentials',
  MissingAuthenticationTokenException: 'credentials',
  SignatureDoesNotMatch: 'credentials',
  TokenProviderError: 'credentials',
  UnrecognizedClientException: 'credentials',

  EC2ThrottledException: 'throttled',
  KMSThrottlingException: 'throttled',
  KmsThrottled: 'throttled',
  LimitExceededException: 'throttled',
  OverLimit: 'throttled',
  ProvisionedThroughputExceededException: 'throttled',
  RequestLimitExceeded: 'throttled',
  RequestThrottled: 'throttled',
  RequestThrottledException: 'throttled',
  ThrottledException: 'throttled',
  Throttling: 'throttled',
  ThrottlingException: 'throttled',
  TooManyRequestsException: 'throttled',

  RequestTimeout: 'unreachable',
  TimeoutError: 'unreachable',
};

const NETWORK_CODES: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EPIPE',
  'EPROTO',
  'ETIMEDOUT',
]);

/** Reads what an AWS SDK client threw: the service's error name first, then the network's code, then the HTTP status. */
export function readAwsFailure(thrown: unknown): AwsFailure {
  const { name, code, $metadata } = (thrown ?? {}) as {
    name?: unknown;
    code?: unknown;
    $metadata?: { httpStatusCode?: unknown };
  };
  const status = $metadata?.httpStatusCode;
  const httpStatus = typeof status === 'number' ? { httpStatus: status } : {};
  if (typeof name === 'string' && Object.hasOwn(REASON_BY_NAME, name)) {
    return { reason: REASON_BY_NAME[name] as AwsFailure['reason'], code: name, ...httpStatus };
  }
  if (typeof code === 'string' && NETWORK_CODES.has(code)) return { reason: 'unreachable', code };
  const known = typeof name === 'string' ? name : 'unknown';
  if (typeof status === 'number' && status >= 500)
    return { reason: 'service_fault', code: known, ...httpStatus };
  return { reason: 'refused', code: known, ...httpStatus };
}
