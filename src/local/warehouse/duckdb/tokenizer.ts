import { syntaxError } from './errors.ts';

/**
 * A lexical unit of Databricks SQL. `text` is a word as written, the name inside backticks, the value of a string
 * literal, the digits of a binary literal, a number with its suffix, or a symbol.
 */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'binary' | 'number' | 'symbol';
  readonly text: string;
  /** Offsets in the statement, `start <= i < end`. */
  readonly start: number;
  readonly end: number;
}

/** What stands between a pair of parentheses. */
export interface Group {
  readonly kind: 'group';
  readonly items: readonly Node[];
  readonly start: number;
  readonly end: number;
}

export type Node = Token | Group;

const BLANK = /\s+|--[^\n]*/y;
const WORD = /[A-Za-z_][A-Za-z0-9_]*/y;
const NUMBER = /(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?:BD|[LSYDF])?(?![A-Za-z0-9_])/iy;
const SYMBOL = /<=>|<>|!=|<=|>=|==|\|\||->|=>|::|[(),.;+\-*/%=<>&|^~![\]:?@{}]/y;

/** Throws PARSE_SYNTAX_ERROR for text that is no sequence of tokens. */
export function tokenize(sql: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    return pattern.exec(sql)?.[0];
  };
  const push = (kind: Token['kind'], text: string, end: number) => {
    tokens.push({ kind, text, start: at, end });
    at = end;
  };
  while (at < sql.length) {
    const blank = match(BLANK);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    if (sql.startsWith('/*', at)) {
      at = endOfComment(sql, at);
      continue;
    }
    const character = sql[at] as string;
    if (character === "'" || character === '"') {
      const { value, end } = readString(sql, at, false);
      push('string', value, end);
      continue;
    }
    if (character === '`') {
      const { name, end } = readQuotedName(sql, at);
      push('quoted', name, end);
      continue;
    }
    if (/[rR]/.test(character) && /['"]/.test(sql[at + 1] ?? '')) {
      const { value, end } = readString(sql, at + 1, true);
      push('string', value, end);
      continue;
    }
    if (/[xX]/.test(character) && /['"]/.test(sql[at + 1] ?? '')) {
      const { value, end } = readString(sql, at + 1, true);
      if (!/^(?:[0-9A-Fa-f]{2})*$/.test(value)) throw syntaxError('A binary literal is malformed.');
      push('binary', value, end);
      continue;
    }
    const word = match(WORD);
    if (word !== undefined) {
      push('word', word, at + word.length);
      continue;
    }
    const number = match(NUMBER);
    if (number !== undefined) {
      push('number', number, at + number.length);
      continue;
    }
    const symbol = match(SYMBOL);
    if (symbol === undefined) {
      throw syntaxError(`Syntax error at or near ${JSON.stringify(character)} (offset ${at}).`);
    }
    push('symbol', symbol, at + symbol.length);
  }
  return tokens;
}

/** Nests tokens by their parentheses. Throws PARSE_SYNTAX_ERROR when they do not pair up. */
export function nest(tokens: readonly Token[]): Node[] {
  const stack: { readonly start: number; readonly items: Node[] }[] = [{ start: 0, items: [] }];
  for (const token of tokens) {
    const top = stack.at(-1) as (typeof stack)[number];
    if (token.kind === 'symbol' && token.text === '(') {
      stack.push({ start: token.start, items: [] });
    } else if (token.kind === 'symbol' && token.text === ')') {
      stack.pop();
      const outer = stack.at(-1);
      if (!outer) throw syntaxError('A closing parenthesis has no opening one.');
      outer.items.push({ kind: 'group', items: top.items, start: top.start, end: token.end });
    } else {
      top.items.push(token);
    }
  }
  if (stack.length > 1) throw syntaxError('A parenthesis is not closed.');
  return (stack[0] as (typeof stack)[number]).items;
}

function endOfComment(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; at += 1) {
    if (sql.startsWith('/*', at)) {
      depth += 1;
      at += 1;
    } else if (sql.startsWith('*/', at)) {
      depth -= 1;
      at += 1;
      if (depth === 0) return at + 1;
    }
  }
  throw syntaxError('A comment is not closed.');
}

function readQuotedName(sql: string, start: number): { name: string; end: number } {
  const pattern = /`((?:[^`]|``)+)`/y;
  pattern.lastIndex = start;
  const match = pattern.exec(sql);
  if (!match) throw syntaxError('A quoted identifier is empty or not closed.');
  return { name: (match[1] as string).replaceAll('``', '`'), end: pattern.lastIndex };
}

/** A doubled quote inside is one, as in Spark 4; a raw literal has no escapes at all. */
function readString(sql: string, start: number, raw: boolean): { value: string; end: number } {
  const quote = sql[start] as string;
  let value = '';
  let at = start + 1;
  while (at < sql.length) {
    const character = sql[at] as string;
    if (character === quote) {
      if (raw || sql[at + 1] !== quote) return { value, end: at + 1 };
      value += quote;
      at += 2;
    } else if (character === '\\' && !raw) {
      const escaped = readEscape(sql, at);
      value += escaped.value;
      at = escaped.end;
    } else {
      value += character;
      at += 1;
    }
  }
  throw syntaxError('A string literal is not closed.');
}

const ESCAPES: Readonly<Record<string, string>> = {
  '0': '\0',
  b: '\b',
  n: '\n',
  r: '\r',
  t: '\t',
  Z: '\u001a',
  // Kept with their backslash, for LIKE patterns.
  '%': '\\%',
  _: '\\_',
};

function readEscape(sql: string, start: number): { value: string; end: number } {
  const pattern = /\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-3][0-7]{2}))/y;
  pattern.lastIndex = start;
  const match = pattern.exec(sql);
  if (match) {
    const code =
      match[3] === undefined ? Number.parseInt(match[1] ?? match[2] ?? '', 16) : Number.parseInt(match[3], 8);
    if (code > 0x10_ffff) throw syntaxError('An escape in a string literal is no Unicode character.');
    return { value: String.fromCodePoint(code), end: pattern.lastIndex };
  }
  const character = sql[start + 1];
  if (character === undefined) throw syntaxError('A string literal is not closed.');
  return { value: ESCAPES[character] ?? character, end: start + 2 };
}
