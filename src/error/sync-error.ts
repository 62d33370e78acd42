import { ERROR_POLICY, type ErrorAction, type ErrorKind, remedyFor } from './error-kind.ts';

/** Facts that place an error. Never a row value, never a secret. */
export interface ErrorFields {
  readonly sync?: string;
  readonly planId?: string;
  readonly slice?: number;
  readonly sqlState?: string;
  readonly [field: string]: unknown;
}

/**
 * Every failure that leaves a module of ours. `message` is a whole sentence for the operator that names the
 * thing; it holds no row value and no secret. A driver's own error is attached as `cause` and is not shown.
 */
export class SyncError extends Error {
  readonly kind: ErrorKind;
  readonly fields: ErrorFields;

  constructor(kind: ErrorKind, message: string, fields: ErrorFields = {}, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'SyncError';
    this.kind = kind;
    this.fields = fields;
  }

  get action(): ErrorAction {
    return ERROR_POLICY[this.kind].action;
  }

  get remedy(): string {
    return remedyFor(this.kind, this.fields.sync);
  }
}

/** Anything thrown, as a SyncError: what is not one already is a fault of ours. */
export function asSyncError(thrown: unknown, fields: ErrorFields = {}): SyncError {
  if (thrown instanceof SyncError) {
    const missing = Object.keys(fields).some((name) => thrown.fields[name] === undefined);
    if (!missing) return thrown;
    return new SyncError(
      thrown.kind,
      thrown.message,
      { ...fields, ...thrown.fields },
      { cause: thrown.cause ?? thrown },
    );
  }
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  return new SyncError('internal', `An unexpected ${name} was thrown.`, fields, { cause: thrown });
}
