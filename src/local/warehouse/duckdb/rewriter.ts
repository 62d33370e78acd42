import { Cursor, isSymbol, isWord, splitAtCommas } from './cursor.ts';
import { syntaxError, unsupported } from './errors.ts';
import { functionSql } from './functions.ts';
import { quoteBytes, quoteName, quoteText } from './literal.ts';
import { numberSql } from './numbers.ts';
import type { ExpressionTranslator, RewriteContext } from './rewrite-context.ts';
import { type Group, type Node, nest, tokenize } from './tokenizer.ts';
import { windowsFirst } from './window-clause.ts';
import {
  CLAUSES,
  INTERVAL_UNIT,
  KEYWORDS,
  NO_ALIAS,
  NO_FUNCTION,
  REFUSED_SYMBOLS,
  REFUSED_WORDS,
  SYMBOLS,
} from './words.ts';

export interface TableFactor {
  /** The factor as it stands after FROM, with its alias. */
  readonly sql: string;
  readonly alias: string | undefined;
}

/** Translates queries and expressions of Databricks SQL for DuckDB. */
export class Rewriter implements ExpressionTranslator {
  readonly context: RewriteContext;
  readonly #ctes: ReadonlySet<string>;

  constructor(context: RewriteContext, ctes: ReadonlySet<string> = new Set()) {
    this.context = context;
    this.#ctes = ctes;
  }

  query(nodes: readonly Node[]): string {
    const cursor = new Cursor(windowsFirst(nodes));
    if (!cursor.take('WITH')) return this.#body(cursor, true);
    const recursive = cursor.take('RECURSIVE');
    const ctes = new Set(this.#ctes);
    const parts: string[] = [];
    do {
      const name = cursor.name();
      const columns = cursor.atGroup() ? ` (${nameList(cursor.group())})` : '';
      cursor.expect('AS');
      if (recursive) ctes.add(name.toLowerCase());
      const inner = new Rewriter(this.context, new Set(ctes));
      parts.push(`${quoteName(name)}${columns} as (${inner.query(cursor.group().items)})`);
      ctes.add(name.toLowerCase());
    } while (cursor.takeSymbol(','));
    const body = new Rewriter(this.context, ctes).#body(cursor, true);
    return `with ${recursive ? 'recursive ' : ''}${parts.join(', ')} ${body}`;
  }

  expression(nodes: readonly Node[]): string {
    return this.#body(new Cursor(nodes), false);
  }

  /** The statement's time as an expression of the type TIMESTAMP. */
  now(): string {
    return `make_timestamptz(${this.context.nowMicros})`;
  }

  /** Reads one item of a FROM clause. */
  tableFactor(cursor: Cursor): TableFactor {
    if (cursor.atGroup()) {
      const { items } = cursor.group();
      const inner = startsQuery(items) ? this.query(items) : this.#joined(items);
      return this.#aliased(cursor, `(${inner})`, undefined);
    }
    if (cursor.take('VALUES')) return this.#valuesFactor(cursor);
    if (cursor.at('LATERAL')) throw unsupported('LATERAL');
    const next = cursor.peek(1);
    if (next?.kind === 'group' && cursor.peek()?.kind === 'word') {
      const name = cursor.name();
      return this.#aliased(cursor, this.#tableFunction(name, cursor.group()), name);
    }
    const name = cursor.dottedName();
    const table = name.at(-1) as string;
    const version = readVersion(cursor);
    const isCte = name.length === 1 && version === undefined && this.#ctes.has(table.toLowerCase());
    const sql = isCte ? quoteName(table) : `(${this.context.tables.snapshot(name, version)})`;
    return this.#aliased(cursor, sql, table);
  }

  /** As `tableFactor`, where nothing may follow. */
  wholeTableFactor(nodes: readonly Node[]): TableFactor {
    const cursor = new Cursor(nodes);
    const factor = this.tableFactor(cursor);
    cursor.end();
    return factor;
  }

  /** Reads the rows behind VALUES, one parenthesized list each. */
  valuesRows(cursor: Cursor): Group[] {
    const rows = [cursor.group()];
    while (cursor.atSymbol(',') && cursor.peek(1)?.kind === 'group') {
      cursor.expectSymbol(',');
      rows.push(cursor.group());
    }
    return rows;
  }

  #valuesFactor(cursor: Cursor): TableFactor {
    const rows = this.valuesRows(cursor);
    const names = splitAtCommas(rows[0]?.items ?? []).map((_, index) => quoteName(`col${index + 1}`));
    const lists = rows.map((row) => `(${this.expression(row.items)})`);
    return this.#aliased(
      cursor,
      `(select * from (values ${lists.join(', ')}) as t(${names.join(', ')}))`,
      undefined,
    );
  }

  #joined(items: readonly Node[]): string {
    const cursor = new Cursor(items);
    const first = this.tableFactor(cursor).sql;
    return `${first} ${this.#body(cursor, true, true)}`;
  }

  #aliased(cursor: Cursor, sql: string, implied: string | undefined): TableFactor {
    const explicit = cursor.take('AS');
    const node = cursor.peek();
    const named =
      node?.kind === 'quoted' || (node?.kind === 'word' && !NO_ALIAS.has(node.text.toUpperCase()));
    if (explicit && !named) throw cursor.failure();
    const alias = named ? cursor.name() : implied;
    if (alias === undefined) return { sql, alias };
    const columns = named && cursor.atGroup() ? `(${nameList(cursor.group())})` : '';
    return { sql: `${sql} as ${quoteName(alias)}${columns}`, alias };
  }

  #tableFunction(name: string, group: Group): string {
    const args = splitAtCommas(group.items);
    switch (name.toLowerCase()) {
      case 'table_changes': {
        const [table, first, last] = args;
        if (!table || !first || args.length > 3)
          throw syntaxError('table_changes takes a table and one or two versions.');
        const text = new Cursor(table);
        const changed = parseTableName(text.string());
        text.end();
        return `(${this.context.tables.changes(changed, versionOf(first), last && versionOf(last))})`;
      }
      case 'range':
        return `(select range as id from range(${args.map((nodes) => this.expression(nodes)).join(', ')}))`;
      case 'explode':
        return `(select unnest(${this.expression(group.items)}) as col)`;
      default:
        throw unsupported(`the table function ${name}`);
    }
  }

  #body(cursor: Cursor, isQuery: boolean, joined = false): string {
    const out: string[] = [];
    let inFrom = joined;
    while (!cursor.done) {
      if (isQuery && cursor.at('FROM') && !isWord(cursor.previous(), 'DISTINCT')) {
        cursor.expect('FROM');
        inFrom = true;
        out.push('from', this.tableFactor(cursor).sql);
      } else if (inFrom && cursor.takeSymbol(',')) {
        out.push(',', this.tableFactor(cursor).sql);
      } else if (inFrom && cursor.take('JOIN')) {
        out.push('join', this.tableFactor(cursor).sql);
      } else if (inFrom && (cursor.at('LEFT', 'SEMI') || cursor.at('LEFT', 'ANTI'))) {
        cursor.expect('LEFT');
      } else {
        if (CLAUSES.some((word) => cursor.at(word))) inFrom = false;
        out.push(this.#operand(cursor));
      }
    }
    return out.join(' ');
  }

  #operand(cursor: Cursor): string {
    const node = cursor.next();
    switch (node.kind) {
      case 'group':
        return startsQuery(node.items) ? `(${this.query(node.items)})` : `(${this.expression(node.items)})`;
      case 'quoted':
        return quoteName(node.text);
      case 'binary':
        return quoteBytes(node.text);
      case 'number':
        return numberSql(node.text);
      case 'string': {
        let text = node.text;
        while (cursor.peek()?.kind === 'string') text += cursor.string();
        return quoteText(text);
      }
      case 'symbol': {
        const refused = REFUSED_SYMBOLS[node.text];
        if (refused !== undefined) throw unsupported(refused);
        return SYMBOLS[node.text] ?? node.text;
      }
      case 'word':
        return this.#word(node.text, cursor);
      default:
        return node satisfies never;
    }
  }

  #word(text: string, cursor: Cursor): string {
    const upper = text.toUpperCase();
    const following = cursor.peek();
    const qualified = isSymbol(cursor.peek(-2), '.');
    const isFilterClause = upper === 'FILTER' && cursor.peek(-2)?.kind === 'group';
    if (
      following?.kind === 'group' &&
      !NO_FUNCTION.has(upper) &&
      !isFilterClause &&
      !isWord(cursor.peek(-2), 'AS', 'OVER', 'WINDOW')
    ) {
      const { items } = cursor.group();
      return functionSql({
        name: text,
        args: this.#argumentsOf(items),
        items,
        following: cursor.peek(),
        rewriter: this,
      });
    }
    if (qualified) return quoteName(text);
    if (following?.kind === 'string') {
      const literal = this.#typedLiteral(upper, cursor);
      if (literal !== undefined) return literal;
    }
    const refused = REFUSED_WORDS[upper];
    if (refused !== undefined) throw unsupported(refused);
    switch (upper) {
      case 'CURRENT_TIMESTAMP':
      case 'CURRENT_DATE':
        return functionSql({ name: text, args: [], items: [], following, rewriter: this });
      case 'INTERVAL':
        return this.#interval(cursor);
      case 'DIV':
        return '//';
      case 'MINUS':
        return 'except';
      case 'EXCEPT':
        return isSymbol(cursor.peek(-2), '*') && following?.kind === 'group' && !startsQuery(following.items)
          ? 'exclude'
          : 'except';
      default:
        return KEYWORDS.has(upper) ? text : quoteName(text);
    }
  }

  /** Arguments that are a query, as in `array(select …)`, are none that a function here takes. */
  #argumentsOf(items: readonly Node[]): Node[][] {
    return isWord(items[0], 'SELECT', 'WITH') ? [items.slice()] : splitAtCommas(items);
  }

  #typedLiteral(upper: string, cursor: Cursor): string | undefined {
    switch (upper) {
      case 'DATE':
        return `cast(${quoteText(cursor.string())} as date)`;
      case 'TIMESTAMP':
      case 'TIMESTAMP_LTZ':
        return `cast(${quoteText(cursor.string())} as timestamptz)`;
      case 'TIMESTAMP_NTZ':
        return `cast(${quoteText(cursor.string())} as timestamp)`;
      default:
        return undefined;
    }
  }

  #interval(cursor: Cursor): string {
    const sign = cursor.takeSymbol('-') ? '-' : '';
    const amount = cursor.next();
    if (amount.kind !== 'string' && amount.kind !== 'number') throw unsupported('this form of INTERVAL');
    const unit = cursor.name();
    if (!INTERVAL_UNIT.test(unit) || cursor.at('TO') || !/^-?\d+(?:\.\d+)?$/.test(amount.text.trim())) {
      throw unsupported('this form of INTERVAL');
    }
    return `interval '${sign}${amount.text.trim()} ${unit}'`;
  }
}

export function startsQuery(items: readonly Node[]): boolean {
  const [first] = items;
  if (first?.kind === 'group') return startsQuery(first.items);
  return isWord(first, 'SELECT', 'WITH', 'VALUES') || (isWord(first, 'FROM') && items.length > 1);
}

/** A table name inside a text, as `table_changes` takes it. */
function parseTableName(text: string): string[] {
  const cursor = new Cursor(nest(tokenize(text)));
  const name = cursor.dottedName();
  cursor.end();
  return name;
}

function nameList(group: Group): string {
  const cursor = new Cursor(group.items);
  const names = [cursor.name()];
  while (cursor.takeSymbol(',')) names.push(cursor.name());
  cursor.end();
  return names.map(quoteName).join(', ');
}

function versionOf(nodes: readonly Node[]): bigint {
  const cursor = new Cursor(nodes);
  if (cursor.peek()?.kind !== 'number') throw unsupported('a change feed by anything but version numbers');
  const version = cursor.wholeNumber();
  cursor.end();
  return version;
}

/** `version as of n` or `@vN` behind a table's name. */
function readVersion(cursor: Cursor): bigint | undefined {
  if (cursor.at('FOR')) cursor.expect('FOR');
  if (cursor.take('VERSION', 'AS', 'OF')) {
    const node = cursor.peek();
    return node?.kind === 'string' && /^\d+$/.test(node.text)
      ? BigInt(cursor.string())
      : cursor.wholeNumber();
  }
  if (cursor.at('TIMESTAMP', 'AS', 'OF')) throw unsupported('TIMESTAMP AS OF; use VERSION AS OF');
  if (!cursor.takeSymbol('@')) return undefined;
  const at = cursor.name();
  if (!/^v\d+$/i.test(at)) throw unsupported('"@" with anything but a version');
  return BigInt(at.slice(1));
}
