import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { ERROR_POLICY, type ErrorKind, haltRemedyFor } from '../../src/error/error-kind.ts';
import { errorPage } from '../../src/error/error-page.ts';
import { actionOf } from '../../src/reference/error-words.ts';
import { QUESTIONS } from '../../src/reference/halts.ts';
import { readPage, spansOf } from '../support/docs.ts';

const KINDS = Object.keys(ERROR_POLICY) as ErrorKind[];
const RUNBOOK = 'docs/operate/runbook.md';

/** What stands below each heading of a page, as one line. */
function sectionsOf(page: string): ReadonlyMap<string, string> {
  const [, ...sections] = page.split(/^## /m);
  return new Map(
    sections.map((section) => {
      const [heading = '', ...lines] = section.split('<!-- end -->')[0]?.split('\n') ?? [];
      return [heading, lines.join(' ').replaceAll(/\s+/g, ' ').trim()];
    }),
  );
}

describe('the page of each kind of error', () => {
  it.each(KINDS)('says of %s what one sees, why, what is safe, what to do and how to prevent it', (kind) => {
    const sections = sectionsOf(readPage(errorPage(kind)));
    expect([...sections.keys()]).toEqual(QUESTIONS);
    for (const [question, answer] of sections) expect(answer.length, question).toBeGreaterThan(10);
  });

  it.each(KINDS)('says of %s what Lakeferry does and the remedy, as they are today', (kind) => {
    const page = readPage(errorPage(kind)).replaceAll('\\<', '<').replaceAll('\\|', '|');
    expect(page).toContain(`| What Lakeferry does | ${actionOf(kind).sentence} |`);
    expect(page).toContain(`| Remedy | ${haltRemedyFor(kind, undefined)} |`);
  });

  it.each(KINDS)('leads from %s to the runbook, and begins what is safe with a plain word', (kind) => {
    const page = readPage(errorPage(kind));
    expect(page).toContain('](../operate/runbook.md)');
    expect(sectionsOf(page).get('Is data safe?')).toMatch(/^(Yes\.|The deployed stack is not concerned)/);
  });
});

describe('the runbook', () => {
  it('has symptoms for headings, as a person would say them', () => {
    const headings = [...sectionsOf(readPage(RUNBOOK)).keys()];
    expect(headings.length).toBeGreaterThan(5);
    for (const heading of headings.slice(1)) expect(heading).toMatch(/\?$/);
  });
});

describe('pages for whoever is called at night', () => {
  const paths = [RUNBOOK, 'docs/operate/disaster.md', 'docs/operate/alarms.md', ...KINDS.map(errorPage)];

  it.each(paths)('name only kinds that there are: %s', (path) => {
    const kinds = spansOf(readPage(path)).filter((span) => /^[a-z]+(_[a-z]+)+$/.test(span));
    const known = new Set<string>([...KINDS, ...NO_KINDS]);
    expect(kinds.filter((name) => !known.has(name))).toEqual([]);
  });

  it('name the states that there are', () => {
    const states = [...readPage(RUNBOOK).matchAll(/^\| (`[a-z]+`(?:, `[a-z]+`)*) \|/gm)].flatMap(([, cell]) =>
      (cell ?? '').replaceAll('`', '').split(', '),
    );
    expect(states).toEqual(['new', 'idle', 'planning', 'applying', 'halted', 'paused', 'unknown']);
  });

  it('name commands that there are, each in the overview', () => {
    const io = {
      stdout: { write: () => {} },
      stderr: { write: () => {} },
      env: {},
      cwd: '/',
      clock: { now: () => 0 },
      signal: new AbortController().signal,
      setExitCode: () => {},
    };
    const overview = createProgram(io).helpInformation();
    const named = new Set(
      [...readPage(RUNBOOK).matchAll(/`lakeferry ([a-z]+)/g)].map(([, command]) => command ?? ''),
    );
    expect(named.size).toBeGreaterThan(3);
    for (const command of named) expect(overview).toMatch(new RegExp(`\\b${command} {2}`));
  });
});

/** Words of the same form that are something else. */
const NO_KINDS = ['rejected_rows'];
