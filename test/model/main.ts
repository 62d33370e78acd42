import { parseArgs } from 'node:util';
import { type Bounds, EVERY_RULE, type Fault, SMALL } from './bounds.ts';
import { explore } from './explore.ts';
import { reportOf } from './report.ts';

/**
 * Explores the protocol within larger bounds than the tests: those that are named by options, or else a list of them.
 * Exits with 1 when an invariant is broken, and with 3 when the bounds were not exhausted.
 */
const { values } = parseArgs({
  options: {
    ticks: { type: 'string' },
    planners: { type: 'string' },
    writers: { type: 'string' },
    lanes: { type: 'string' },
    slices: { type: 'string' },
    'newest-version': { type: 'string' },
    grain: { type: 'string' },
    faults: { type: 'string' },
    without: { type: 'string' },
    'max-states': { type: 'string' },
    loaded: { type: 'boolean' },
    retries: { type: 'boolean' },
    'without-recovery': { type: 'boolean' },
  },
});

/** Minutes each, on one core. */
const LARGE: readonly Partial<Bounds>[] = [
  { slices: [1, 2] },
  { loaded: true, newestVersion: 2, slices: [1, 2] },
  { loaded: true, newestVersion: 2, slices: [2], lanes: 1, faults: ['out of time'] },
  { loaded: true, planners: 1, writers: 2, slices: [2], faults: ['chunk unreadable', 'stale look'] },
  { loaded: true, newestVersion: 2, retries: true, slices: [1], faults: ['chunk unreadable'] },
  { planners: 1, slices: [1], grain: 'call' },
  ...(
    [
      ['rewind'],
      ['emptied', 'checkpoint lost'],
      ['schema dropped', 'target replaced'],
      ['target dropped', 'checkpoint lost'],
      ['checkpoint restored'],
      ['source recreated'],
    ] satisfies Fault[][]
  ).map((faults): Partial<Bounds> => ({ loaded: true, newestVersion: 2, slices: [1], faults })),
];

const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
const list = (text: string | undefined) => text?.split(',').map((item) => item.trim());

const asked = {
  ticks: number(values.ticks),
  planners: number(values.planners),
  writers: number(values.writers),
  lanes: number(values.lanes),
  slices: list(values.slices)?.map(Number),
  newestVersion: number(values['newest-version']),
  grain: values.grain,
  faults: list(values.faults),
  loaded: values.loaded,
  retries: values.retries,
  recovers: values['without-recovery'] ? false : undefined,
  maxStates: number(values['max-states']),
  rules: values.without && {
    ...EVERY_RULE,
    ...Object.fromEntries((list(values.without) ?? []).map((rule) => [rule, false])),
  },
};
const given = Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));

for (const bounds of Object.keys(given).length > 0 ? [given] : LARGE) {
  const startedAt = performance.now();
  const explored = await explore({ ...SMALL, ...bounds });
  const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
  const { states, transitions, depth } = explored;
  console.log(
    `${JSON.stringify(bounds)}: ${states} states, ${transitions} transitions, depth ${depth}, ${seconds} s`,
  );
  console.log(reportOf(explored));
  if (explored.violation) process.exitCode = 1;
  else if (!explored.exhaustive) process.exitCode ??= 3;
}
