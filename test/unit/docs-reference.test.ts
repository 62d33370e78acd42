import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { ERROR_POLICY, type ErrorKind } from '../../src/error/error-kind.ts';
import { errorPage } from '../../src/error/error-page.ts';
import { PAGES } from '../../src/reference/pages.ts';
import { ROOT, readPage } from '../support/docs.ts';

const KINDS = Object.keys(ERROR_POLICY) as ErrorKind[];

describe('pages that are made from the code', () => {
  it.each(PAGES)('$path is up to date, or "npm run docs" makes it so', async ({ path, make }) => {
    const existing = readPage(path);
    expect(await make(existing)).toBe(existing);
  });

  it('lack none of a kind of error, and keep none of a kind that is gone', () => {
    expect(globSync('docs/halts/*', { cwd: ROOT }).toSorted()).toEqual(KINDS.map(errorPage).toSorted());
  });

  it('keep what is written by hand, and ask the questions where nothing is', async () => {
    const [page] = PAGES.filter(({ path }) => path === errorPage('internal'));
    const existing = readPage(errorPage('internal'));
    const mine = existing.replace('<!-- end -->', 'A sentence of mine.\n\n<!-- end -->');
    expect(await page?.make(mine.replace('# internal', '# another'))).toBe(mine);
    const bare = await page?.make(undefined);
    expect(bare).toContain('## Is data safe?');
    expect(bare).not.toContain('Report it, with');
  });
});

describe('an error', () => {
  async function printed(...args: string[]): Promise<string> {
    let text = '';
    const stdout = {
      write(part: string) {
        text += part;
      },
    };
    const clock = { now: () => 0 };
    const signal = new AbortController().signal;
    await runCli(args, { stdout, stderr: { write: () => {} }, env: {}, cwd: '/', clock, signal });
    return text;
  }

  it('names its page in its JSON document', async () => {
    const document = JSON.parse(await printed('status', '--json', '--no-such-option'));
    expect(document.error).toMatchObject({ kind: 'usage', docs: errorPage('usage') });
  });

  it('names its page where it is explained', async () => {
    expect(await printed('explain', 'retention_gap')).toMatch(
      /^ {2}docs {6}docs\/halts\/retention_gap\.md$/m,
    );
    const { error } = JSON.parse(await printed('explain', 'retention_gap', '--json'));
    expect(error.docs).toBe(errorPage('retention_gap'));
  });
});
