import { lackOfAws } from '../config/lack-of-aws.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import { asSyncError, type SyncError } from '../error/sync-error.ts';
import { haltsPlanner, haltWords } from './halt-sync.ts';
import type { Finding, Subject, Unknown } from './plan-preview.ts';

/**
 * Kinds that tell of whoever looks and how, and not of what is looked at: whether the deployed functions would meet the
 * same is not known from here.
 */
const OF_THE_LOOKER: readonly ErrorKind[] = [
  'source_unauthorized',
  'source_permission',
  'target_unauthorized',
  'target_permission',
  'target_missing',
  'target_failed',
];

/** What is found out about a sync while it is looked at. */
export class Findings {
  readonly halts: Finding[] = [];
  readonly unknown: Unknown[] = [];
  readonly #sync: string;

  constructor(sync: string) {
    this.#sync = sync;
  }

  /** The answer of a call; undefined where it failed, which is noted. */
  async ask<T>(of: Subject, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (thrown) {
      this.add(of, asSyncError(thrown));
      return undefined;
    }
  }

  /**
   * What a planner that meets the error would halt for is expected; anything else is not known. Where AWS can
   * be asked nothing, that is the one reason for all that it would have told.
   */
  add(of: Subject, error: SyncError): void {
    const halts = haltsPlanner(error) && error.action !== 'refuse' && !OF_THE_LOOKER.includes(error.kind);
    if (halts) {
      this.expect(of, error);
      return;
    }
    const { kind, message, remedy } = lackOfAws(error) ?? asSyncError(error, { sync: this.#sync });
    this.unknown.push({ of, kind, message, remedy });
  }

  /** The sync is expected to halt for this. */
  expect(of: Subject, error: SyncError): void {
    this.halts.push({ of, ...haltWords(asSyncError(error, { sync: this.#sync }), this.#sync) });
  }
}
