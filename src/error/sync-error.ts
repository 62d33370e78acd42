import { commandRemedyFor, ERROR_POLICY, type ErrorAction, type ErrorKind, remedyFor } from './error-kind.ts';

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
  readonly #remedy: string | undefined;

  /** `remedy` is for an error that is mended in another way than its kind. */
  constructor(
    kind: ErrorKind,
    message: string,
    fields: ErrorFields = {},
    options: { readonly cause?: unknown; readonly remedy?: string | undefined } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = 'SyncError';
    this.kind = kind;
    this.fields = fields;
    this.#remedy = options.remedy;
  }

  get action(): ErrorAction {
    return ERROR_POLICY[this.kind].action;
  }

  get remedy(): string {
    return this.#remedy ?? remedyFor(this.kind, this.fields.sync);
  }

  /** The remedy where the error ends a command. */
  get commandRemedy(): string {
    return this.#remedy ?? commandRemedyFor(this.kind, this.fields.sync);
  }

  /** The same with more facts; those that it has already stay. */
  with(fields: ErrorFields): SyncError {
    return new SyncError(
      this.kind,
      this.message,
      { ...fields, ...this.fields },
      { cause: this.cause ?? this, remedy: this.#remedy },
    );
  }
}

/** Anything thrown, as a SyncError: what is not one already is a fault of ours. */
export function asSyncError(thrown: unknown, fields: ErrorFields = {}): SyncError {
  if (thrown instanceof SyncError) {
    const missing = Object.keys(fields).some((name) => thrown.fields[name] === undefined);
    return missing ? thrown.with(fields) : thrown;
  }
  const name = thrown instanceof Error ? thrown.name : typeof thrown;
  return new SyncError('internal', `An unexpected ${name} was thrown.`, fields, { cause: thrown });
}
