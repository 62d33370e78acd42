import { existsSync, globSync, statSync } from 'node:fs';
import { join, posix } from 'node:path';
import { describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { anchorsOf, proseOf, ROOT, readPage, readPages } from '../support/docs.ts';

const pages = readPages();

/** Targets of the links and pictures of a page. */
function linksOf(page: string): readonly string[] {
  return [...proseOf(page).matchAll(/\]\(\s*([^)\s]+)\s*\)/g)].map(([, target]) => target ?? '');
}

/** What is wrong with a link of a page, if anything. */
function problemOf(path: string, link: string): string | undefined {
  if (/^[a-z]+:/.test(link)) return undefined;
  const [file = '', anchor] = link.split('#');
  const target = file === '' ? path : posix.join(posix.dirname(path), file);
  if (target.startsWith('..') || !existsSync(join(ROOT, target))) return `${link} leads nowhere`;
  if (anchor === undefined) return undefined;
  if (!target.endsWith('.md') || !anchorsOf(readPage(target)).has(anchor)) return `${link}: no such heading`;
  return undefined;
}

/** Paths of the repository that stand in a text, wherever it is. */
function pathsOf(text: string): readonly string[] {
  const found = text.matchAll(/(?<![\w./@-])((?:src|test|infra|lambdas|docs|\.ci)\/[\w./*{},-]*[\w*}/])/g);
  return [...found].map(([path]) => path);
}

function isThere(path: string): boolean {
  return /[*{]/.test(path) ? globSync(path, { cwd: ROOT }).length > 0 : existsSync(join(ROOT, path));
}

describe('every Markdown file', () => {
  it.each([...pages.keys()])('%s has links that lead somewhere', (path) => {
    const problems = linksOf(pages.get(path) ?? '').flatMap((link) => problemOf(path, link) ?? []);
    expect(problems).toEqual([]);
  });

  it.each([...pages.keys()])('%s names files and scripts that there are', (path) => {
    // The changelog names what was.
    if (path === 'CHANGELOG.md') return;
    const text = pages.get(path) ?? '';
    expect(pathsOf(text).filter((each) => !isThere(each))).toEqual([]);
    const scripts = [...text.matchAll(/npm run (?:-s )?([a-z][\w:-]*)/g)].map(([, name]) => name ?? '');
    expect(scripts.filter((name) => !Object.hasOwn(packageJson.scripts, name))).toEqual([]);
  });

  it('of docs/ is in its index, once', () => {
    const indexed = linksOf(pages.get('docs/README.md') ?? '').map((link) => posix.join('docs', link));
    const listed = [...pages.keys()].filter(
      (path) => path.startsWith('docs/') && path !== 'docs/README.md' && !path.startsWith('docs/halts/'),
    );
    expect([...new Set(indexed)].toSorted()).toEqual(listed.toSorted());
  });

  it('is checked by rules that find what is wrong', () => {
    expect(pages.size).toBeGreaterThan(80);
    expect(problemOf('docs/README.md', 'nowhere.md')).toBeDefined();
    expect(problemOf('docs/README.md', 'deploy.md#nothing')).toBeDefined();
    expect(problemOf('docs/README.md', 'deploy.md#3-two-secrets')).toBeUndefined();
    expect(problemOf('docs/README.md', '../../outside.md')).toBeDefined();
    expect(pathsOf('see `src/no-such.ts`, test/{a,b}.ts.')).toEqual(['src/no-such.ts', 'test/{a,b}.ts']);
    expect(isThere('src/no-such.ts')).toBe(false);
    expect(statSync(join(ROOT, 'docs/data-path.svg')).isFile()).toBe(true);
  });
});

describe('a page that the program names', () => {
  const sources = globSync('{src,infra,lambdas}/**/*.{ts,md}', { cwd: ROOT });

  it.each(sources.filter((path) => /docs\/[\w./-]+\.md/.test(readPage(path))))('is there: %s', (path) => {
    const named = [...readPage(path).matchAll(/docs\/[\w./-]+\.md/g)].map(([page]) => page);
    expect(named.filter((page) => !existsSync(join(ROOT, page)))).toEqual([]);
  });
});
