import type { ErrorKind } from './error-kind.ts';

/** The page about a kind of error, from the root of the repository: what it means, what is safe, what to do. */
export function errorPage(kind: ErrorKind): string {
  return `docs/halts/${kind}.md`;
}
