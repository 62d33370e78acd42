import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { blocksOf, readPages, spansOf } from '../support/docs.ts';

/** Commands that the pages name and that are still to come. It has to be empty in the end. */
const TO_COME: readonly string[] = [];

const program = createProgram({
  stdout: { write: () => {} },
  stderr: { write: () => {} },
  env: {},
  cwd: '/',
  clock: { now: () => 0 },
  signal: new AbortController().signal,
  setExitCode: () => {},
});

/** Made from the program itself, whose words may look like commands. */
const MADE = 'docs/reference/cli.md';
const pages = [...readPages()].filter(([path]) => path !== MADE);

/** Whatever a page shows to be typed: `lakeferry` and its arguments, to the end of the command. */
function commandsOf(text: string): readonly string[] {
  const typed = /(?:^|["(`]|Run: )\s*(?:npm run -s )?lakeferry (?:-- )?((?:[a-z]|--[a-z])[^\n"`#|;&)]*)/gm;
  const demo = /npm run (demo -- [^\n`#]*)/g;
  return [...text.matchAll(typed), ...text.matchAll(demo)].map(([, command]) => (command ?? '').trim());
}

/** What is wrong with a command line, if anything. */
function problemOf(line: string): string | undefined {
  const words = line.split(/\s+/).map((word) => word.replace(/[.,:]+$/, ''));
  let command: Command = program;
  for (const word of words) {
    if (word === '--') continue;
    if (word.startsWith('-')) {
      const known = ['--help', '-h', ...command.options.flatMap(({ long, short }) => [long, short])];
      if (!known.includes(word.replace(/=.*/, ''))) return `${line}: no option ${word}`;
    } else if (command.commands.length > 0) {
      const below = command.commands.find((each) => each.name() === word);
      if (!below)
        return command === program && TO_COME.includes(word) ? undefined : `${line}: no command ${word}`;
      command = below;
    }
  }
  return undefined;
}

function shownIn(page: string): readonly string[] {
  const blocks = blocksOf(page).filter(({ language }) => language === '');
  return [...blocks.map(({ text }) => text), ...spansOf(page)].flatMap(commandsOf);
}

describe('commands that a page shows', () => {
  it.each(pages)('exist, with their options: %s', (_, page) => {
    expect(shownIn(page).flatMap((line) => problemOf(line) ?? [])).toEqual([]);
  });

  it('are found, and what is wrong with them', () => {
    expect(pages.flatMap(([, page]) => shownIn(page)).length).toBeGreaterThan(100);
    expect(commandsOf('npm run -s lakeferry -- status --local   # now')).toEqual(['status --local']);
    expect(problemOf('status --nothing')).toContain('--nothing');
    expect(problemOf('nothing orders')).toContain('nothing');
    expect(problemOf('local nothing')).toContain('nothing');
    expect(problemOf('local up --fresh')).toBeUndefined();
  });

  it('are to come only as long as they are not there', () => {
    const there = program.commands.map((command) => command.name());
    expect(TO_COME.filter((name) => there.includes(name))).toEqual([]);
  });
});

describe('configurations that a page shows', () => {
  const yaml = pages.flatMap(([path, page]) =>
    blocksOf(page)
      .filter(({ language }) => language === 'yaml')
      .map(({ text }) => [path, text] as const),
  );

  it.each(yaml)('are valid: %s', (path, text) => {
    const whole = /^connections:/m.test(text) ? text : `connections: {}\n${text}`;
    expect(parseConfig(whole, path).syncs.size).toBeGreaterThan(0);
  });

  it('are some', () => expect(yaml.length).toBeGreaterThan(3));
});

describe('policies and documents that a page shows', () => {
  const json = pages.flatMap(([path, page]) =>
    blocksOf(page)
      .filter(({ language }) => language === 'json')
      .map(({ text }) => [path, text] as const),
  );

  it.each(json)('are JSON: %s', (_, text) => {
    expect(() => JSON.parse(text)).not.toThrow();
  });
});
