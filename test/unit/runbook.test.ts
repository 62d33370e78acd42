import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runCli } from '../../src/cli/program.ts';
import { ERROR_POLICY, type ErrorAction, type ErrorKind, haltRemedyFor } from '../../src/error/error-kind.ts';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));
const runbook = await readFile(join(DOCS, 'runbook.md'), 'utf8');

const ACTIONS: Readonly<Record<ErrorAction, string>> = {
  retry: '*Tries again.*',
  replan: '*Plans anew.*',
  halt: '*Halts.*',
  refuse: '*Refuses.*',
};

/** The text below each heading of a kind, as one line and without Markdown's escapes. */
const sections = new Map(
  runbook
    .split(/^#### /m)
    .slice(1)
    .map((section) => {
      const [kind = '', ...lines] = section.split(/\n(?=#)/)[0]?.split('\n') ?? [];
      return [kind, lines.join(' ').replaceAll(/\s+/g, ' ').replaceAll('\\<', '<').trim()];
    }),
);

describe('docs/runbook.md', () => {
  it('has a section for every kind of error, and for none that is gone', () => {
    expect([...sections.keys()].toSorted()).toEqual(Object.keys(ERROR_POLICY).toSorted());
  });

  it.each(Object.keys(ERROR_POLICY) as ErrorKind[])(
    'says of %s what one sees, what it means and does, the remedy as it is today, and what is safe',
    (kind) => {
      const section = sections.get(kind) ?? '';
      const parts = section.match(
        /^- \*\*You see\*\*: .+ - \*\*It means\*\*: (.+) - \*\*Do\*\*: (.+) - \*\*Safe\*\*: .+$/,
      );
      expect(parts, section).not.toBeNull();
      expect(parts?.[1]?.endsWith(ACTIONS[ERROR_POLICY[kind].action])).toBe(true);
      expect(parts?.[2]).toBe(haltRemedyFor(kind, undefined));
    },
  );

  it('names only commands and kinds that there are', async () => {
    let overview = '';
    await runCli([], {
      stdout: {
        write: (text) => {
          overview += text;
        },
      },
      stderr: { write: () => {} },
      env: {},
      cwd: DOCS,
      clock: { now: () => 0 },
      signal: new AbortController().signal,
    });
    const commands = new Set([...runbook.matchAll(/[`"]lakeferry ([a-z]+)/g)].map(([, name]) => name ?? ''));
    expect(commands.size).toBeGreaterThan(5);
    for (const name of commands) expect(overview).toMatch(new RegExp(`\\b${name} {2}`));
    const kinds = [...runbook.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, name]) => name ?? '');
    expect(kinds.filter((name) => !Object.hasOwn(ERROR_POLICY, name))).toEqual([]);
  });

  it('links only to pages that there are', async () => {
    for (const [, page = ''] of runbook.matchAll(/\]\(([a-z-]+\.md)\)/g)) {
      await expect(readFile(join(DOCS, page), 'utf8')).resolves.toBeTruthy();
    }
  });
});
