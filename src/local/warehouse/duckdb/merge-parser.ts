import { Cursor, isSymbol, splitAtCommas } from './cursor.ts';
import { syntaxError, unsupported } from './errors.ts';
import type { Node } from './tokenizer.ts';
import { type Assignment, readAssignments } from './update-delete.ts';

/** `star` is `UPDATE SET *` and `INSERT *`: every column from the source's column of that name. */
export type MergeAction =
  | { readonly kind: 'update'; readonly assignments: readonly Assignment[] | 'star' }
  | { readonly kind: 'delete' }
  | { readonly kind: 'insert'; readonly assignments: readonly Assignment[] | 'star' };

export interface MergeClause {
  readonly when: 'matched' | 'not_matched' | 'not_matched_by_source';
  readonly condition: readonly Node[] | undefined;
  readonly action: MergeAction;
}

/** Reads the WHEN clauses, which are the rest of the statement. */
export function readMergeClauses(cursor: Cursor): MergeClause[] {
  const clauses: MergeClause[] = [];
  do {
    cursor.expect('WHEN');
    const when = readWhen(cursor);
    const condition = cursor.take('AND') ? readUntilThen(cursor) : undefined;
    cursor.expect('THEN');
    const action = readAction(cursor);
    if ((action.kind === 'insert') !== (when === 'not_matched')) {
      throw syntaxError('MERGE inserts rows that are not matched, and updates or deletes the others.');
    }
    clauses.push({ when, condition, action });
  } while (!cursor.done);
  return clauses;
}

function readWhen(cursor: Cursor): MergeClause['when'] {
  const negated = cursor.take('NOT');
  cursor.expect('MATCHED');
  if (!negated) return 'matched';
  if (cursor.take('BY', 'SOURCE')) return 'not_matched_by_source';
  cursor.take('BY', 'TARGET');
  return 'not_matched';
}

/** A condition may hold `case when … then … end`. */
function readUntilThen(cursor: Cursor): Node[] {
  const nodes: Node[] = [];
  let cases = 0;
  while (!cursor.done && (cases > 0 || !cursor.at('THEN'))) {
    if (cursor.at('CASE')) cases += 1;
    if (cursor.at('END')) cases -= 1;
    nodes.push(cursor.next());
  }
  if (nodes.length === 0) throw cursor.failure();
  return nodes;
}

/** The nodes up to the next clause; a `when` inside `case … end` starts none. */
function readUntilWhen(cursor: Cursor): Node[] {
  const nodes: Node[] = [];
  let cases = 0;
  while (!cursor.done && (cases > 0 || !cursor.at('WHEN'))) {
    if (cursor.at('CASE')) cases += 1;
    if (cursor.at('END')) cases -= 1;
    nodes.push(cursor.next());
  }
  return nodes;
}

function readAction(cursor: Cursor): MergeAction {
  if (cursor.take('DELETE')) return { kind: 'delete' };
  if (cursor.take('UPDATE')) {
    cursor.expect('SET');
    const nodes = readUntilWhen(cursor);
    const star = nodes.length === 1 && isSymbol(nodes[0], '*');
    return { kind: 'update', assignments: star ? 'star' : readAssignments(nodes) };
  }
  cursor.expect('INSERT');
  if (cursor.takeSymbol('*')) return { kind: 'insert', assignments: 'star' };
  if (!cursor.atGroup()) throw unsupported('INSERT in MERGE without a column list');
  const columns = splitAtCommas(cursor.group().items).map((nodes) => {
    const column = new Cursor(nodes);
    const name = column.dottedName().at(-1) as string;
    column.end();
    return name;
  });
  cursor.expect('VALUES');
  const values = splitAtCommas(cursor.group().items);
  if (values.length !== columns.length) throw syntaxError('INSERT in MERGE has as many values as columns.');
  return {
    kind: 'insert',
    assignments: columns.map((column, index) => ({ column, value: values[index] as Node[] })),
  };
}
