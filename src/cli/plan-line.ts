import type { Style } from './style.ts';
import { entry, printable } from './text.ts';

/** One subject of the screen of `lakeferry plan`. `paste` are lines below it that are never broken. */
export interface PlanLine {
  /** Empty where it goes on with the subject above. */
  readonly name: string;
  readonly text: string;
  readonly paste?: readonly string[];
}

/** The longest name of a subject. */
export const NAME_WIDTH = 9;

const PASTE_INDENT = ' '.repeat(2 + NAME_WIDTH + 2 + 2);

export function renderLine(
  { name, text, paste = [] }: PlanLine,
  { style, width }: { readonly style: Style; readonly width: number },
): string[] {
  return [
    ...entry(name, printable(text), NAME_WIDTH, width),
    ...paste.map((line) => PASTE_INDENT + style.bold(printable(line))),
  ];
}
