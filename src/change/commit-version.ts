/** A Delta table's commit version: a whole number from 0, which grows by one with each commit. */
export type CommitVersion = bigint & { readonly __brand: 'CommitVersion' };

/** Highest version that fits a Postgres `bigint` column. */
const MAX = 9_223_372_036_854_775_807n;

/** Parses decimal text, the form of a version on every wire. Throws a RangeError on anything else. */
export function parseCommitVersion(text: string | number | bigint): CommitVersion {
  const digits = String(text);
  if (!/^(0|[1-9][0-9]{0,18})$/.test(digits) || BigInt(digits) > MAX) {
    throw new RangeError(`not a commit version: ${JSON.stringify(digits)}`);
  }
  return BigInt(digits) as CommitVersion;
}

export function nextVersion(version: CommitVersion): CommitVersion {
  return (version + 1n) as CommitVersion;
}

export function laterVersion(a: CommitVersion, b: CommitVersion): CommitVersion {
  return a > b ? a : b;
}
