import {
  type Document,
  type ErrorCode,
  isAlias,
  isCollection,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type Pair,
  parseDocument,
  visit,
} from 'yaml';
import type { ConfigProblem } from './config-error.ts';
import { isSecretKey, looksSecret } from './secret-text.ts';

export type ConfigPath = readonly (string | number)[];

export type Place = Pick<ConfigProblem, 'line' | 'column' | 'length' | 'sourceLine'>;

/** The parser's own messages may quote the file, and with it a secret: these do not. */
const SYNTAX: Partial<Record<ErrorCode, string>> = {
  BAD_ALIAS: 'is an alias (*name) of nothing before it; put the text in quotes if it is none',
  BAD_DQ_ESCAPE: 'holds a backslash escape that YAML does not know; use single quotes',
  BAD_INDENT: 'is indented in a way that fits no key above it',
  BAD_SCALAR_START: 'starts with a character that needs quotes around the text',
  BLOCK_AS_IMPLICIT_KEY: 'has a second ": " in one line; put the text in quotes',
  BLOCK_IN_FLOW: 'has an indented block inside brackets',
  DUPLICATE_KEY: 'stands twice in the same place; keep one',
  MISSING_CHAR: 'lacks a closing quote or bracket, or a space after a colon',
  MULTILINE_IMPLICIT_KEY: 'is a key over several lines; a colon or a quote may be missing',
  MULTIPLE_DOCS: 'starts a second document ("---"); keep one',
  TAB_AS_INDENT: 'is indented by a tab; use spaces',
  TAG_RESOLVE_FAILED: 'has a tag ("!…") that is not used here',
};

/** A YAML text with the place of every value in it. */
export class YamlSource {
  readonly #lines: readonly string[];
  readonly #counter = new LineCounter();
  readonly #document: Document.Parsed;
  readonly #hidden = new Set<number>();

  constructor(text: string) {
    this.#lines = text.split(/\r?\n/);
    this.#document = parseDocument(text, {
      lineCounter: this.#counter,
      prettyErrors: false,
      logLevel: 'silent',
    });
    this.#hideSecrets();
  }

  /** What is wrong with the text as YAML. A duplicate key leaves the rest readable; anything else does not. */
  syntaxProblems(): { readonly problems: readonly ConfigProblem[]; readonly readable: boolean } {
    const found = [...this.#document.errors, ...this.#document.warnings].map((error) => ({
      code: error.code,
      at: error.pos[0],
    }));
    for (const at of this.#unresolvedAliases()) found.push({ code: 'BAD_ALIAS', at });
    const problems = found.map(({ code, at }): ConfigProblem => {
      const message =
        SYNTAX[code] ?? 'is not YAML as it stands; a quote, a colon or a bracket may be missing';
      return { code: 'syntax', path: '', message: `this ${message}`, ...this.#placeOf(at, at + 1) };
    });
    for (const key of this.#strangeKeys()) {
      const [start, end] = key?.range ?? [0, 1];
      problems.push({
        code: 'syntax',
        path: '',
        message: 'this cannot be a key; write a plain text',
        ...this.#placeOf(start, end),
      });
    }
    return { problems, readable: problems.every((_, index) => found[index]?.code === 'DUPLICATE_KEY') };
  }

  /** The file as plain data. Throws a ReferenceError when aliases multiply beyond reason. */
  toValue(): unknown {
    return this.#document.toJS({ maxAliasCount: 100 });
  }

  /** Where a value stands, or with `key` its key; for what is not there, the nearest thing around it. */
  placeOf(path: ConfigPath, focus: 'key' | 'value'): Place {
    let node: unknown = this.#document.contents;
    let range: readonly number[] | undefined;
    for (const [depth, part] of path.entries()) {
      if (isAlias(node)) node = node.resolve(this.#document);
      const last = depth === path.length - 1;
      if (isMap(node)) {
        const pair = node.items.find((item) => keyText(item) === String(part));
        if (!pair) break;
        const key = (pair.key as Node).range;
        const value = (pair.value as Node | null)?.range;
        const wholeValue = value && !(isCollection(pair.value) && !pair.value.flow) && value[1] > value[0];
        range = (last && focus === 'value' && wholeValue ? value : key) ?? range;
        node = pair.value;
      } else if (isSeq(node) && typeof part === 'number') {
        node = node.items[part];
        range = (node as Node | undefined)?.range ?? range;
      } else break;
    }
    return this.#placeOf(range?.[0] ?? 0, range?.[1] ?? 1);
  }

  #placeOf(start: number, end: number): Place {
    const { line, col } = this.#counter.linePos(start);
    const text = this.#lines[line - 1] ?? '';
    const length = Math.max(1, Math.min(end - start, text.length - (col - 1)));
    const shown = !this.#hidden.has(line) && text.trim() !== '';
    return { line: Math.max(line, 1), column: Math.max(col, 1), length, ...(shown && { sourceLine: text }) };
  }

  /** Lines that must not be printed: of values under a key that names a secret, and of texts that look like one. */
  #hideSecrets(): void {
    for (const [index, text] of this.#lines.entries()) {
      if (looksSecret(text)) this.#hidden.add(index + 1);
    }
    visit(this.#document, {
      Pair: (_, pair) => {
        const key = pair.key as Node | null;
        if (!isSecretKey(keyText(pair))) return;
        const from = key?.range?.[0] ?? 0;
        const to = (pair.value as Node | null)?.range?.[1] ?? from;
        const last = this.#counter.linePos(to).line;
        for (let line = this.#counter.linePos(from).line; line <= last; line += 1) this.#hidden.add(line);
      },
    });
    for (const [index, text] of this.#lines.entries()) {
      if (this.#document.errors.length > 0 && isSecretKey(text)) this.#hideBlock(index);
    }
  }

  /** In a broken file: the line, and those that follow it up to the next key that is no deeper. */
  #hideBlock(index: number): void {
    const depth = indentOf(this.#lines[index] as string);
    this.#hidden.add(index + 1);
    for (let next = index + 1; next < this.#lines.length; next += 1) {
      const text = this.#lines[next] as string;
      if (indentOf(text) <= depth && /^\s*[\w-]+\s*:/.test(text)) break;
      this.#hidden.add(next + 1);
    }
  }

  #unresolvedAliases(): number[] {
    const found: number[] = [];
    visit(this.#document, {
      Alias: (_, alias) => {
        if (!alias.resolve(this.#document)) found.push(alias.range?.[0] ?? 0);
      },
    });
    return found;
  }

  /** Keys that are no text, and the one text that a JavaScript object would not keep. */
  #strangeKeys(): (Node | null)[] {
    const found: (Node | null)[] = [];
    visit(this.#document, {
      Pair: (_, pair) => {
        if (!isScalar(pair.key) || pair.key.value === null || pair.key.value === '__proto__') {
          found.push(pair.key as Node | null);
        }
      },
    });
    return found;
  }
}

function keyText(pair: Pair): string {
  return isPair(pair) && isScalar(pair.key) ? String(pair.key.value) : '';
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
