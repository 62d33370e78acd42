import { type CommitVersion, nextVersion } from './commit-version.ts';

/** The commits with `after < version <= through`. Never empty. */
export interface Window {
  readonly after: CommitVersion;
  readonly through: CommitVersion;
}

/** First version inside the window: `table_changes` is inclusive at both ends. */
export function firstVersion(window: Window): CommitVersion {
  return nextVersion(window.after);
}
