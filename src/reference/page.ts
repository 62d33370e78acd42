/** A page under docs/ that is made from the code. */
export interface ReferencePage {
  /** From the root of the repository, e.g. `docs/reference/cli.md`. */
  readonly path: string;
  /** The whole text. `existing` is the file as it stands, for what is written by hand in it. */
  make(existing: string | undefined): string | Promise<string>;
}

/** First line of such a page, for whoever opens it to edit it. `source` is a path from the root of the repository. */
export function madeFrom(source: string): string {
  return `<!-- Made by "npm run docs" from ${source}: change it there. -->`;
}
