import type { Style } from './style.ts';
import { entry, printable } from './text.ts';

/** One subject of the screen of `lakeferry plan`. Below it are lines that are never broken. */
export interface PlanLine {
  /** Empty where it goes on with the subject above. */
  readonly name: string;
  readonly text: string;
  /** Statements, as the server is to get them. */
  readonly sql?: readonly string[];
  /** What a person does next. */
  readonly paste?: readonly string[];
}

/** The longest name of a subject. */
export const NAME_WIDTH = 9;

const PASTE_INDENT = ' '.repeat(2 + NAME_WIDTH + 2 + 2);

export function renderLine(
  { name, text, sql = [], paste = [] }: PlanLine,
  { style, width }: { readonly style: Style; readonly width: number },
): string[] {
  return [
    ...entry(name, printable(text), NAME_WIDTH, width),
    ...sql.map((line) => PASTE_INDENT + style.bold(printable(line))),
    ...paste.map((line) => PASTE_INDENT + style.command(printable(line))),
  ];
}
