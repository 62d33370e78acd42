import type { EngineError } from '../engine.ts';
import { syntaxError } from './errors.ts';
import type { Group, Node } from './tokenizer.ts';

/** Reads nodes from left to right. What is expected and not there is a PARSE_SYNTAX_ERROR. */
export class Cursor {
  readonly #nodes: readonly Node[];
  #at = 0;

  constructor(nodes: readonly Node[]) {
    this.#nodes = nodes;
  }

  get done(): boolean {
    return this.#at >= this.#nodes.length;
  }

  peek(ahead = 0): Node | undefined {
    return this.#nodes[this.#at + ahead];
  }

  /** The node before the next one. */
  previous(): Node | undefined {
    return this.#nodes[this.#at - 1];
  }

  next(): Node {
    const node = this.#nodes[this.#at];
    if (!node) throw this.failure();
    this.#at += 1;
    return node;
  }

  /** Whether the next nodes are these words, in any case. */
  at(...words: readonly string[]): boolean {
    return words.every((word, index) => isWord(this.peek(index), word));
  }

  take(...words: readonly string[]): boolean {
    if (!this.at(...words)) return false;
    this.#at += words.length;
    return true;
  }

  expect(...words: readonly string[]): void {
    if (!this.take(...words)) throw this.failure();
  }

  atSymbol(symbol: string): boolean {
    return isSymbol(this.peek(), symbol);
  }

  takeSymbol(symbol: string): boolean {
    if (!this.atSymbol(symbol)) return false;
    this.#at += 1;
    return true;
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.failure();
  }

  /** An identifier, quoted or not. */
  name(): string {
    const node = this.peek();
    if (node?.kind !== 'word' && node?.kind !== 'quoted') throw this.failure();
    this.#at += 1;
    return node.text;
  }

  /** One or more identifiers with dots between them. */
  dottedName(): string[] {
    const parts = [this.name()];
    while (this.takeSymbol('.')) parts.push(this.name());
    return parts;
  }

  atGroup(): boolean {
    return this.peek()?.kind === 'group';
  }

  group(): Group {
    const node = this.peek();
    if (node?.kind !== 'group') throw this.failure();
    this.#at += 1;
    return node;
  }

  string(): string {
    const node = this.peek();
    if (node?.kind !== 'string') throw this.failure();
    this.#at += 1;
    return node.text;
  }

  /** A whole number without sign or suffix. */
  wholeNumber(): bigint {
    const node = this.peek();
    if (node?.kind !== 'number' || !/^\d+$/.test(node.text)) throw this.failure();
    this.#at += 1;
    return BigInt(node.text);
  }

  /** Everything up to one of these words at this level, or to the end. */
  until(...words: readonly string[]): Node[] {
    const found: Node[] = [];
    while (!this.done && !words.some((word) => this.at(word))) found.push(this.next());
    return found;
  }

  rest(): Node[] {
    return this.until();
  }

  end(): void {
    if (!this.done) throw this.failure();
  }

  failure(): EngineError {
    const node = this.peek();
    if (!node) return syntaxError('The statement ends too early.');
    const shown = node.kind === 'word' || node.kind === 'symbol' ? `'${node.text}'` : `a ${node.kind}`;
    return syntaxError(`Syntax error at or near ${shown} (offset ${node.start}).`);
  }
}

export function isWord(node: Node | undefined, ...words: readonly string[]): boolean {
  if (node?.kind !== 'word') return false;
  const upper = node.text.toUpperCase();
  return words.some((word) => upper === word);
}

export function isSymbol(node: Node | undefined, symbol: string): boolean {
  return node?.kind === 'symbol' && node.text === symbol;
}

/** Splits at the commas of this level. No nodes give no parts. */
export function splitAtCommas(nodes: readonly Node[]): Node[][] {
  if (nodes.length === 0) return [];
  const parts: Node[][] = [[]];
  for (const node of nodes) {
    if (isSymbol(node, ',')) parts.push([]);
    else (parts.at(-1) as Node[]).push(node);
  }
  if (parts.some((part) => part.length === 0)) throw syntaxError('A list has an empty item.');
  return parts;
}
