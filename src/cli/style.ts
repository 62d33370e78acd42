import { styleText } from 'node:util';
import type { Environment } from '../config/environment-reader.ts';
import { inPlace, type PlaceFlags } from './in-place.ts';
import type { Output } from './io.ts';

/** Signs that repeat in one glance what a word beside them says. */
export interface Symbols {
  readonly ok: string;
  readonly look: string;
  readonly bad: string;
  readonly paused: string;
  readonly working: string;
  readonly arrow: string;
  readonly dot: string;
  readonly ellipsis: string;
}

export type Paint = (text: string) => string;

/** How text looks on one output. Colour never says what the words do not. */
export interface Style {
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly cyan: Paint;
  /** What is to be typed, as it means the system that the command itself means. */
  readonly command: Paint;
  readonly symbols: Symbols;
}

const UNICODE: Symbols = {
  ok: '✓',
  look: '!',
  bad: '✗',
  paused: '‖',
  working: '›',
  arrow: '→',
  dot: '·',
  ellipsis: '…',
};

const ASCII: Symbols = {
  ok: '+',
  look: '!',
  bad: 'x',
  paused: '=',
  working: '>',
  arrow: '->',
  dot: '-',
  ellipsis: '...',
};

/** `flags` are those of the command line that says which system is meant. */
export function createStyle(
  { colour, unicode }: { readonly colour: boolean; readonly unicode: boolean },
  flags: PlaceFlags = {},
  env: Environment = {},
): Style {
  const paint =
    (format: Parameters<typeof styleText>[0]): Paint =>
    (text) =>
      colour && text !== '' ? styleText(format, text, { validateStream: false }) : text;
  const bold = paint('bold');
  return {
    bold,
    command: (text) => bold(inPlace(text, flags, env)),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
    symbols: unicode ? UNICODE : ASCII,
  };
}

/** No colour and no symbols beyond ASCII. */
export const plainStyle: Style = createStyle({ colour: false, unicode: false });

export function styleFor(output: Output, env: Environment, flags: PlaceFlags = {}): Style {
  return createStyle({ colour: wantsColour(output, env), unicode: isUtf8(env) }, flags, env);
}

/** NO_COLOR goes first (no-color.org: any value that is not empty), then FORCE_COLOR, then the terminal. */
function wantsColour(output: Output, env: Environment): boolean {
  if (env['NO_COLOR']) return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force !== 'false';
  return output.isTTY === true && env['TERM'] !== 'dumb';
}

/** The first of POSIX' locale variables that is set decides; without any the locale is C, which is ASCII. */
function isUtf8(env: Environment): boolean {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || '';
  return /utf-?8/i.test(locale) || env['WT_SESSION'] !== undefined;
}
