import { SyncError } from '../../error/sync-error.ts';
import type { Page } from '../../source/source.ts';
import { copyBuffers } from './copy-buffers.ts';
import type { Rejects } from './rejected-rows.ts';
import type { Transaction } from './transaction.ts';

/** The pages of a chunk on their way, with what was counted of them. */
export class Delivery {
  readonly #pages: AsyncIterable<Page>;
  readonly #rejects: Rejects;
  #rows = 0;

  constructor(pages: AsyncIterable<Page>, rejects: Rejects) {
    this.#pages = pages;
    this.#rejects = rejects;
  }

  /** Lines that came so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Copies all pages; returns the rows. Throws when there are rejected rows and the mapping halts on them. */
  async copyTo(tx: Transaction, copyStatement: string, lastField?: string): Promise<number> {
    const copied = await tx.copy(copyStatement, copyBuffers(this.#counted(), lastField));
    if (copied !== this.#rows) {
      throw new SyncError(
        'source_incomplete',
        'The pages of a chunk have other line counts than they declare.',
        {
          declared: this.#rows,
          copied,
        },
      );
    }
    this.#rejects.checkPolicy();
    return copied;
  }

  async *#counted(): AsyncGenerator<Page, void, undefined> {
    for await (const page of this.#pages) {
      this.#rows += page.rows;
      this.#rejects.add(page.rejected);
      yield page;
    }
  }
}
