import { SyncError } from '../error/sync-error.ts';

/** A command line that cannot be carried out, with what to type instead. */
export class UsageError extends SyncError {
  constructor(message: string, remedy: string) {
    super('usage', message, {}, { remedy });
    this.name = 'UsageError';
  }
}
