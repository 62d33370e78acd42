import type { PlanPreview } from '../sync/plan-preview.ts';
import type { ExitCode } from './io.ts';
import { formatNumber } from './quantity.ts';

/** `1 window to apply, 1 column left out, 1 halt expected.` */
export function planSentence(previews: readonly PlanPreview[]): string {
  const count = (counts: (preview: PlanPreview) => boolean) => previews.filter(counts).length;
  const total = (of: (preview: PlanPreview) => number) =>
    previews.reduce((sum, preview) => sum + of(preview), 0);
  const planned = (kind: 'window' | 'snapshot', waits: boolean) =>
    count((preview) => workOf(preview) === kind && isHeldUp(preview) === waits);
  const parts: readonly (readonly [number, string, string])[] = [
    [planned('window', false), 'window to apply', 'windows to apply'],
    [planned('snapshot', false), 'table to load', 'tables to load'],
    [planned('window', true), 'window waiting', 'windows waiting'],
    [planned('snapshot', true), 'load waiting', 'loads waiting'],
    [count(({ next }) => next?.step === 'goes_on'), 'plan in flight', 'plans in flight'],
    [count(({ next }) => next?.step === 'nothing'), 'sync up to date', 'syncs up to date'],
    [count(createsTable), 'table to create', 'tables to create'],
    [total(({ leftOut }) => leftOut.length), 'column left out', 'columns left out'],
    [total(({ halts }) => halts.length), 'halt expected', 'halts expected'],
    [count(isHalted), 'sync halted', 'syncs halted'],
    [count(({ standing }) => standing.state === 'paused'), 'sync paused', 'syncs paused'],
    [total(({ unknown }) => unknown.length), 'thing not known', 'things not known'],
  ];
  const said = parts.flatMap(([amount, one, many]) =>
    amount === 0 ? [] : [formatNumber(amount, one, many)],
  );
  return said.length === 0 ? 'No syncs.' : `${said.join(', ')}.`;
}

/** 3 when a halt is expected or there is one; 1 when something could not be known; else 0. */
export function planExitCode(previews: readonly PlanPreview[]): ExitCode {
  if (previews.some((preview) => isHalted(preview) || preview.halts.length > 0)) return 3;
  return previews.some(({ unknown }) => unknown.length > 0) ? 1 : 0;
}

function workOf({ next }: PlanPreview): string | undefined {
  return next?.step === 'plan' ? next.plan.work.kind : undefined;
}

function createsTable({ next }: PlanPreview): boolean {
  return next?.step === 'plan' && next.table?.outcome === 'missing';
}

/** Also behind a pause. */
function isHalted({ standing }: PlanPreview): boolean {
  return standing.state === 'halted' || (standing.state === 'paused' && standing.cause !== undefined);
}

/** Nothing is planned until a person acts. */
export function isHeldUp({ standing }: PlanPreview): boolean {
  return standing.state === 'halted' || standing.state === 'paused';
}
