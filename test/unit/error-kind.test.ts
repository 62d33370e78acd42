import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import {
  commandRemedyFor,
  ERROR_POLICY,
  type ErrorKind,
  haltRemedyFor,
  isOfCommands,
  remedyFor,
} from '../../src/error/error-kind.ts';

const SOURCES = fileURLToPath(new URL('../../src', import.meta.url));
const KINDS = Object.keys(ERROR_POLICY) as ErrorKind[];

/** Folders of src in whose code the kind is named, beside the table of kinds itself. */
const namedIn = await (async () => {
  const files = await readdir(SOURCES, { recursive: true });
  const folders = new Map<ErrorKind, Set<string>>(KINDS.map((kind) => [kind, new Set()]));
  for (const file of files.filter((each) => each.endsWith('.ts') && each !== 'error/error-kind.ts')) {
    const text = await readFile(`${SOURCES}/${file}`, 'utf8');
    for (const kind of KINDS)
      if (text.includes(`'${kind}'`)) folders.get(kind)?.add(file.split('/')[0] ?? '');
  }
  return folders;
})();

/** What runs on the machine of a person, and not in a function. */
const AT_A_TERMINAL = ['cli', 'deployment', 'doctor', 'local', 'reference'];

describe('a kind of error that only commands meet', () => {
  // 'usage' is a right in SQL as well.
  it.each(KINDS.filter((kind) => isOfCommands(kind) && kind !== 'usage'))(
    '%s is raised by nothing that a function runs',
    (kind) => {
      const folders = [...(namedIn.get(kind) ?? [])];
      expect(folders.filter((folder) => !AT_A_TERMINAL.includes(folder))).toEqual([]);
    },
  );

  it('is each that says it tries again and that nothing else raises', () => {
    const ofCommands = KINDS.filter((kind) => {
      const folders = [...(namedIn.get(kind) ?? [])];
      return folders.length > 0 && folders.every((folder) => AT_A_TERMINAL.includes(folder));
    });
    expect(ofCommands.filter((kind) => ERROR_POLICY[kind].action === 'retry' && !isOfCommands(kind))).toEqual(
      [],
    );
    expect(ofCommands).toContain('aws_unavailable');
  });

  it('never says that Lakeferry tries again by itself, or that a sync is to be run', () => {
    for (const kind of KINDS.filter(isOfCommands)) {
      for (const remedy of [remedyFor(kind, undefined), haltRemedyFor(kind, undefined)]) {
        expect(remedy).not.toMatch(/tries again by itself|lakeferry run/);
      }
    }
    expect(remedyFor('aws_unavailable', undefined)).toBe(
      'Check that AWS answers in the region that the message names, and run the command again.',
    );
    expect(commandRemedyFor('source_unavailable', undefined)).toMatch(/, and run the command again\.$/);
    expect(remedyFor('source_unavailable', undefined)).toMatch(/; Lakeferry tries again by itself\.$/);
  });
});
