import type { TStatus } from '@databricks/sql/thrift/TCLIService_types.js';
import types from '@databricks/sql/thrift/TCLIService_types.js';
import { EngineError } from './engine.ts';
import type { RefusedCall } from './refused-call.ts';

const { TStatusCode } = types;

export function succeeded(): TStatus {
  return new types.TStatus({ statusCode: TStatusCode.SUCCESS_STATUS });
}

/** The status of a call that is refused. The driver shows its message and drops its SQLSTATE. */
export function refused(reason: EngineError | RefusedCall): TStatus {
  const status = new types.TStatus({
    statusCode: TStatusCode.ERROR_STATUS,
    errorMessage: reason.message,
    displayMessage: reason.message,
  });
  if (reason instanceof EngineError) status.sqlState = reason.sqlState;
  else if (reason.invalidHandle) status.statusCode = TStatusCode.INVALID_HANDLE_STATUS;
  return status;
}
