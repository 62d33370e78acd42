import { errorPage } from '../error/error-page.ts';
import { ACTIONS, actionOf, ERROR_KINDS, remedyOf } from './error-words.ts';
import { code, pageText, plain, table } from './markdown.ts';
import { madeFrom, type ReferencePage } from './page.ts';

export const errors: ReferencePage = {
  path: 'docs/reference/errors.md',
  make: () =>
    pageText([
      madeFrom('src/error/error-kind.ts'),
      '',
      '# Kinds of errors',
      '',
      'Every failure has a kind, which `status`, logs, alarms and JSON name. `lakeferry explain retention_gap` prints one',
      'of them; each page says what you see, why, whether data is safe, what to do and how to prevent it.',
      '',
      ...table(
        ['what Lakeferry does', 'it means'],
        ACTIONS.map(({ word, sentence }) => [word, sentence]),
      ),
      '',
      ...table(
        ['kind', 'Lakeferry', 'remedy'],
        ERROR_KINDS.map((kind) => [
          `[${code(kind)}](${linkTo(errorPage(kind))})`,
          actionOf(kind).word,
          plain(remedyOf(kind)),
        ]),
      ),
    ]),
};

/** From docs/reference/ to another page of docs/. */
function linkTo(page: string): string {
  return page.replace(/^docs\//, '../');
}
