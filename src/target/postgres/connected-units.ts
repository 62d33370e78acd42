/** Line `waits` can only be written once line `needs` is, or together with it. */
export interface Tie {
  readonly waits: number;
  readonly needs: number;
}

/**
 * The lines as units: those of one unit wait for each other and can only be written together. In the order of the
 * lines, but for units that an earlier one waits for: they come before it. (Tarjan's strongly connected components,
 * with a stack of its own: chains may be as long as a chunk.)
 */
export function connectedUnits(
  lines: Iterable<number>,
  ties: readonly Tie[],
): readonly (readonly number[])[] {
  const needs = new Map<number, number[]>();
  for (const tie of ties) {
    const found = needs.get(tie.waits);
    if (found === undefined) needs.set(tie.waits, [tie.needs]);
    else found.push(tie.needs);
  }
  const units: number[][] = [];
  const order = new Map<number, number>();
  const lowest = new Map<number, number>();
  const open: number[] = [];
  const isOpen = new Set<number>();

  const enter = (line: number) => {
    order.set(line, order.size);
    lowest.set(line, order.size - 1);
    open.push(line);
    isOpen.add(line);
    return { line, next: 0 };
  };
  const lower = (line: number, to: number) => lowest.set(line, Math.min(lowest.get(line) ?? to, to));
  const close = (line: number) => {
    const unit = open.splice(open.lastIndexOf(line));
    for (const member of unit) isOpen.delete(member);
    units.push(unit);
  };

  for (const start of lines) {
    if (order.has(start)) continue;
    const path = [enter(start)];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { line } = top;
      const needed = needs.get(line)?.[top.next++];
      if (needed === undefined) {
        path.pop();
        const low = lowest.get(line) ?? 0;
        if (low === order.get(line)) close(line);
        const below = path.at(-1);
        if (below !== undefined) lower(below.line, low);
      } else if (!order.has(needed)) {
        path.push(enter(needed));
      } else if (isOpen.has(needed)) {
        lower(line, order.get(needed) ?? 0);
      }
    }
  }
  return units;
}
