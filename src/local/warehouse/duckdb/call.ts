import { textSql } from './casts.ts';
import { syntaxError, unsupported } from './errors.ts';
import type { ExpressionTranslator } from './rewrite-context.ts';
import { isText } from './static-facts.ts';
import type { Node } from './tokenizer.ts';

/** A function call of the statement, its arguments still in the Databricks dialect. */
export interface Call {
  readonly name: string;
  readonly args: readonly (readonly Node[])[];
  /** Everything between the parentheses. */
  readonly items: readonly Node[];
  /** The node behind the call. */
  readonly following: Node | undefined;
  readonly rewriter: ExpressionTranslator;
}

/** The call in DuckDB's dialect. */
export type Emit = (call: Call) => string;

/** The arguments in DuckDB's dialect, if there are as many as `count`. */
export function exactly(call: Call, count: number): string[] {
  if (call.args.length !== count) {
    throw syntaxError(`The function ${call.name} takes ${count} argument${count === 1 ? '' : 's'} here.`);
  }
  return call.args.map((nodes) => call.rewriter.expression(nodes));
}

/** An argument that decides the translation, so that it must be there as it is. */
export function literalText(call: Call, index: number): string {
  const nodes = call.args[index] ?? [];
  const [node] = nodes;
  if (nodes.length !== 1 || node?.kind !== 'string') {
    throw unsupported(`${call.name} without a text literal as argument ${index + 1}`);
  }
  return node.text;
}

/** Everything but text is turned into text as Spark prints it; what is text already stays as it is. */
export function textArgument(nodes: readonly Node[], rewriter: ExpressionTranslator): string {
  const sql = rewriter.expression(nodes);
  return isText(nodes) ? sql : textSql(sql);
}
