import stringWidth from 'string-width';

/** Escape sequences start with a control character; bidirectional controls reorder what stands around them. */
const CONTROL = /[\p{Cc}\p{Bidi_Control}]/gu;

/** Foreign text on one line, with nothing in it that a terminal obeys. */
export function printable(text: string): string {
  return text
    .replaceAll(/\s*[\r\n]+\s*/g, ' ')
    .replaceAll('\t', ' ')
    .replaceAll(CONTROL, '\ufffd');
}

/** A per cent sign stays with its number, and a command in quotation marks whole, so that it can be pasted. */
const UNBROKEN = /(?:"(?:lakeferry|npx) [^"]*"|[^ ]| (?=%))+/g;

/** Lines of at most `width` columns, broken at blanks; a longer word keeps a line of its own. */
export function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const [word] of text.matchAll(UNBROKEN)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && stringWidth(longer) > width) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

/** The text cut to `width` columns, with `ellipsis` at its end where something is left out. */
export function truncate(text: string, width: number, ellipsis: string): string {
  if (stringWidth(text) <= width) return text;
  const room = Math.max(0, width - stringWidth(ellipsis));
  let kept = '';
  let used = 0;
  for (const character of text) {
    used += stringWidth(character);
    if (used > room) break;
    kept += character;
  }
  return kept + ellipsis;
}

export function padEnd(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - stringWidth(text)));
}

export function padStart(text: string, width: number): string {
  return ' '.repeat(Math.max(0, width - stringWidth(text))) + text;
}

/** `name   text` with the text wrapped beside its name; every line starts with two blanks. */
export function entry(name: string, text: string, nameWidth: number, width: number): string[] {
  const indent = 2 + nameWidth + 2;
  const lines = wrap(text, Math.max(20, width - indent));
  return lines.map((line, index) => `  ${padEnd(index === 0 ? name : '', nameWidth)}  ${line}`.trimEnd());
}

/** A value on a command line, in quotes where a shell would not take it as it is. */
export function shellWord(word: string): string {
  return /^[\w./:@=+-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
