import { unsupported } from './errors.ts';

const FIELDS: Readonly<Record<string, string>> = {
  yyyy: '%Y',
  uuuu: '%Y',
  MM: '%m',
  dd: '%d',
  HH: '%H',
  mm: '%M',
  ss: '%S',
  SSS: '%g',
  SSSSSS: '%f',
};

/** Zone fields of an instant: this warehouse's zone is always UTC. */
const ZONE_FIELDS: Readonly<Record<string, string>> = { X: 'Z', XXX: 'Z', xxx: '+00:00', VV: 'UTC' };

/**
 * A Java date-time pattern as a strftime pattern. Optional sections are always written, as a value has every
 * field. Throws for fields outside a small, exact set.
 */
export function strftimePattern(pattern: string, zoned: boolean): string {
  const part = /'((?:[^']|'')*)'|([A-Za-z])\2*|[[\]]|[^A-Za-z'[\]]/y;
  let result = '';
  let at = 0;
  while (at < pattern.length) {
    part.lastIndex = at;
    const match = part.exec(pattern);
    if (!match) throw unsupported('this date-time pattern');
    const [text, quoted, letter] = match;
    if (quoted !== undefined) {
      result += quoted === '' ? "'" : quoted.replaceAll("''", "'").replaceAll('%', '%%');
    } else if (letter === undefined) {
      result += text === '[' || text === ']' ? '' : text.replaceAll('%', '%%');
    } else {
      const field = FIELDS[text] ?? (zoned ? ZONE_FIELDS[text] : undefined);
      if (field === undefined) throw unsupported(`the date-time pattern field ${text}`);
      result += field;
    }
    at = part.lastIndex;
  }
  return result;
}
