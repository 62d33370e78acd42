import { expect, it } from 'vitest';
import { wrap } from '../../src/cli/text.ts';

it('breaks lines at blanks, and gives a longer word a line of its own', () => {
  expect(wrap('one  two three', 7)).toEqual(['one two', 'three']);
  expect(wrap('a verylongword b', 6)).toEqual(['a', 'verylongword', 'b']);
  expect(wrap('', 6)).toEqual(['']);
});

it('leaves a per cent sign with its number, and a command in quotes whole', () => {
  expect(wrap('deletes 93 % of it', 10)).toEqual(['deletes', '93 % of it']);
  expect(wrap('drop it, then run "lakeferry run orders --local".', 24)).toEqual([
    'drop it, then run',
    '"lakeferry run orders --local".',
  ]);
  expect(wrap('paused by "one for whom nothing is typed"', 20)).toEqual([
    'paused by "one for',
    'whom nothing is',
    'typed"',
  ]);
});
