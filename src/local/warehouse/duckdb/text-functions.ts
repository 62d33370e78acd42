import { type Call, type Emit, exactly, literalText, textArgument } from './call.ts';
import { isWord, splitAtCommas } from './cursor.ts';
import { unsupported } from './errors.ts';
import { isNeverNull, isText, singleCall } from './static-facts.ts';
import type { Node } from './tokenizer.ts';

/** Functions that make, take apart or gather text. */
export const TEXT_FUNCTIONS: Readonly<Record<string, Emit>> = {
  concat: ({ args, rewriter }) => {
    const texts = args.map((nodes) => textArgument(nodes, rewriter));
    if (args.every(isNeverNull)) return `concat(${texts.join(', ')})`;
    return `(${texts.join(' || ')})`;
  },
  concat_ws: ({ args, rewriter }) =>
    `concat_ws(${args.map((nodes) => textArgument(nodes, rewriter)).join(', ')})`,
  lpad: (call) => pad(call, 'lpad'),
  rpad: (call) => pad(call, 'rpad'),
  locate: (call) => {
    const [sought, text] = exactly(call, 2);
    return `instr(${text}, ${sought})`;
  },
  split: (call) => {
    const [text, pattern] = exactly(call, 2);
    return `regexp_split_to_array(${text}, ${pattern})`;
  },
  regexp_replace: (call) => {
    const [text, pattern, replacement] = exactly(call, 3);
    const written = call.args[2];
    if (!written?.every((node) => node.kind === 'string' && !/[$\\]/.test(node.text))) {
      throw unsupported('regexp_replace with anything but a plain text as replacement');
    }
    return `regexp_replace(${text}, ${pattern}, ${replacement}, 'g')`;
  },
  base64: (call) => `base64(lf_to_binary(${exactly(call, 1)[0]}))`,
  encode: (call) => utf8(call, 'encode'),
  decode: (call) => utf8(call, 'decode'),
  sha2: (call) => {
    const [value, bits] = exactly(call, 2);
    if (bits !== '256') throw unsupported('sha2 with a length other than 256');
    return `sha256(${value})`;
  },

  replace: (call) =>
    call.args.length === 3 ? replaceChain(call) : `replace(${exactly(call, 2).join(', ')}, '')`,
  substring,
  substr: substring,
  string_agg: joinRows,
  listagg: joinRows,
  array_join: (call) => gatheredText(call) ?? `array_to_string(${call.rewriter.expression(call.items)})`,
  collect_list: (call) => collect(call, ''),
  collect_set: (call) => collect(call, 'distinct '),
};

function pad(call: Call, name: string): string {
  const args = call.args.map((nodes) => call.rewriter.expression(nodes));
  if (args.length === 2) args.push("' '");
  return `${name}(${args.join(', ')})`;
}

function utf8(call: Call, name: string): string {
  if (!/^utf-?8$/i.test(literalText(call, 1))) throw unsupported('character sets other than UTF-8');
  return `${name}(${exactly(call, 2)[0]})`;
}

/** NULLs are left out, and no rows give an empty array. */
function collect(call: Call, quantifier: string): string {
  const distinct = isWord(call.items[0], 'DISTINCT');
  if (isWord(call.following, 'FILTER', 'WITHIN'))
    throw unsupported(`${call.name} with ${call.following?.kind === 'word' ? call.following.text : ''}`);
  const value = call.rewriter.expression(distinct ? call.items.slice(1) : call.items);
  const list = `list(${distinct ? 'distinct ' : quantifier}${value}) filter (where ${value} is not null)`;
  return isWord(call.following, 'OVER') ? list : `coalesce(${list}, [])`;
}

function substring(call: Call): string {
  const args = call.args.map((nodes) => call.rewriter.expression(nodes));
  return `lf_substring(${args.length === 2 ? [...args, '2147483647'].join(', ') : exactly(call, 3).join(', ')})`;
}

/** Without a separator, nothing stands between the texts. */
function joinRows({ args, items, rewriter }: Call): string {
  return `string_agg(${rewriter.expression(items)}${args.length === 1 ? ", ''" : ''})`;
}

/**
 * Nested `replace` calls. DuckDB's is slow, and most texts hold nothing to replace: where the innermost text is a
 * column and all that is sought is constant, a look at the text comes first.
 */
function replaceChain(call: Call): string {
  const chain = `replace(${exactly(call, 3).join(', ')})`;
  const sought: string[] = [];
  let args: readonly (readonly Node[])[] = call.args;
  for (;;) {
    const [text = [], what = []] = args;
    if (!isNeverNull(what)) return chain;
    sought.push(call.rewriter.expression(what));
    const inner = singleCall(text);
    const innerArgs = inner?.name === 'replace' ? splitAtCommas(inner.items) : [];
    if (innerArgs.length !== 3) {
      if (!isCheap(text)) return chain;
      const sql = call.rewriter.expression(text);
      return `case when ${sought.map((each) => `contains(${sql}, ${each})`).join(' or ')} then ${chain} else ${sql} end`;
    }
    args = innerArgs;
  }
}

/** A column, or a column as text. */
function isCheap(nodes: readonly Node[]): boolean {
  const isName = (node: Node | undefined) => node?.kind === 'word' || node?.kind === 'quoted';
  if (nodes.length === 1) return isName(nodes[0]);
  const call = singleCall(nodes);
  return call?.name === 'cast' && isName(call.items[0]) && isWord(call.items[1], 'AS') && isText(nodes);
}

/** `array_join(collect_list(x), separator)` without the array between. */
function gatheredText(call: Call): string | undefined {
  const [list = [], separator = []] = call.args;
  const inner = singleCall(list);
  if (call.args.length !== 2 || inner?.name !== 'collect_list' || !isNeverNull(separator)) return undefined;
  if (isWord(inner.items[0], 'DISTINCT')) return undefined;
  const text = textArgument(inner.items, call.rewriter);
  return `coalesce(string_agg(${text}, ${call.rewriter.expression(separator)}), '')`;
}
