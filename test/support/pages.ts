import { type CommitVersion, parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Page, RejectedRow } from '../../src/source/source.ts';

/** A row's values in the mapping's order, as the text that Postgres reads; null is NULL. */
export type Fields = readonly (string | null)[];

/** One line of Postgres COPY text. */
export function copyLine(fields: Fields): string {
  return fields.map((value) => (value === null ? '\\N' : escaped(value))).join('\t');
}

/** A window's line for a row that is there at the window's end. */
export function arrival(...fields: Fields): Fields {
  return ['u', ...fields];
}

/** A window's line for a key that is gone at the window's end; `width` is the number of delivered columns. */
export function departure(key: Fields, width: number): Fields {
  return ['d', ...key, ...Array<null>(width - key.length).fill(null)];
}

/** Pages of at most `rowsPerPage` lines, as a source yields them; can be read again and again. */
export function pagesOf(lines: readonly Fields[], rowsPerPage = 1_000): () => AsyncGenerator<Page> {
  return async function* () {
    for (let start = 0, page = 0; start < lines.length || page === 0; start += rowsPerPage, page += 1) {
      const group = lines.slice(start, start + rowsPerPage);
      yield { page, rows: group.length, payload: group.map(copyLine).join('\n'), rejected: [] };
    }
  };
}

/** A page without lines that reports rejected rows. */
export function rejectedPage(rejected: readonly RejectedRow[]): Page {
  return { page: 0, rows: 0, payload: '', rejected };
}

export function version(number: number): CommitVersion {
  return parseCommitVersion(number);
}

function escaped(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('\t', '\\t')
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r');
}
