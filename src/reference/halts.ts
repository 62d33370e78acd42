import { exitCodeOf } from '../cli/error-report.ts';
import type { ErrorKind } from '../error/error-kind.ts';
import { errorPage } from '../error/error-page.ts';
import { SyncError } from '../error/sync-error.ts';
import { actionOf, ERROR_KINDS, remedyOf } from './error-words.ts';
import { pageText, plain, table } from './markdown.ts';
import type { ReferencePage } from './page.ts';

/** Between these two lines of a page, everything is written by hand and stays. */
const BY_HAND = '<!-- by hand -->';
const END = '<!-- end -->';

/** What the part by hand answers, in this order. */
export const QUESTIONS = ['What you see', 'Why', 'Is data safe?', 'Do this', 'Prevent it'] as const;

/** A page for each kind of error: its facts from the code, and the rest by hand. */
export const halts: readonly ReferencePage[] = ERROR_KINDS.map((kind) => ({
  path: errorPage(kind),
  make: (existing) => pageText([...head(kind), '', BY_HAND, ...byHand(existing), END, '', ...foot(kind)]),
}));

function head(kind: ErrorKind): string[] {
  return [
    `<!-- Head and foot are made by "npm run docs" from src/error/error-kind.ts; write between "by hand" and "end". -->`,
    '',
    `# ${kind}`,
    '',
    ...table(
      ['', ''],
      [
        ['What Lakeferry does', actionOf(kind).sentence],
        ['Remedy', plain(remedyOf(kind))],
        ['A command ends with', String(exitCodeOf(new SyncError(kind, '')))],
      ],
    ),
  ];
}

function foot(kind: ErrorKind): string[] {
  return [
    `In a terminal: \`lakeferry explain ${kind}\`. [All kinds of errors](../reference/errors.md). [What do I do first?](../operate/runbook.md)`,
  ];
}

/** The lines by hand; the bare questions where there is no page yet. */
function byHand(existing: string | undefined): string[] {
  const lines = existing?.split('\n') ?? [];
  const [start, end] = [lines.indexOf(BY_HAND), lines.lastIndexOf(END)];
  if (start === -1 || end < start) return ['', ...QUESTIONS.flatMap((question) => [`## ${question}`, ''])];
  return lines.slice(start + 1, end);
}
