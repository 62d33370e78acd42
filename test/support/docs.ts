import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Root of the repository. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Folders whose Markdown is not ours. */
const NOT_OURS = new Set(['node_modules', '.git', '.lakeferry', 'cdk.out']);

/** Every Markdown file of the repository, from its root, with its text. */
export function readPages(): ReadonlyMap<string, string> {
  const paths = globSync('**/*.md', { cwd: ROOT, exclude: (path) => NOT_OURS.has(path) }).toSorted();
  return new Map(paths.map((path) => [path, readPage(path)]));
}

export function readPage(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export interface Block {
  readonly language: string;
  readonly text: string;
  /** The heading above it. */
  readonly heading: string;
}

interface Parts {
  readonly blocks: readonly Block[];
  readonly prose: string;
}

function partsOf(page: string): Parts {
  const blocks: Block[] = [];
  const prose: string[] = [];
  let heading = '';
  let open: { readonly language: string; readonly indent: string; readonly lines: string[] } | undefined;
  for (const line of page.split('\n')) {
    const [, indent, language] = /^([ ]*)```(\w*)$/.exec(line) ?? [];
    if (indent !== undefined && language !== undefined && open === undefined) {
      open = { language, indent, lines: [] };
    } else if (language !== undefined && open) {
      blocks.push({ language: open.language, text: open.lines.join('\n'), heading });
      open = undefined;
    } else if (open) {
      open.lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
    } else {
      prose.push(line);
      heading = /^#+ (.*)$/.exec(line)?.[1] ?? heading;
    }
  }
  return { blocks, prose: prose.join('\n') };
}

/** The fenced blocks of a page, without the indentation that a list gives them. */
export function blocksOf(page: string): readonly Block[] {
  return partsOf(page).blocks;
}

/** The page without its fenced blocks. */
export function proseOf(page: string): string {
  return partsOf(page).prose;
}

/** What stands between backticks in the prose. A span may go over the end of a line. */
export function spansOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/`([^`]+)`/g)].map(([, span]) => (span ?? '').replaceAll(/\s+/g, ' '));
}

/** Names by which links reach the headings of a page, as GitHub makes them. */
export function anchorsOf(page: string): ReadonlySet<string> {
  const seen = new Map<string, number>();
  const anchors = [...proseOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading]) => {
    const anchor = (heading ?? '')
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '')
      .replaceAll(' ', '-');
    const times = seen.get(anchor) ?? 0;
    seen.set(anchor, times + 1);
    return times === 0 ? anchor : `${anchor}-${times}`;
  });
  return new Set(anchors);
}
