import { SyncError } from '../error/sync-error.ts';

/** A command line that cannot be carried out, with what to type instead. */
export class UsageError extends SyncError {
  readonly #remedy: string;

  constructor(message: string, remedy: string) {
    super('usage', message);
    this.name = 'UsageError';
    this.#remedy = remedy;
  }

  override get remedy(): string {
    return this.#remedy;
  }
}
