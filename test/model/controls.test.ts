import { describe, expect, test } from 'vitest';
import { type Bounds, EVERY_RULE, type Rules, SMALL } from './bounds.ts';
import { explore } from './explore.ts';

const LOADED: Bounds = { ...SMALL, loaded: true, planners: 1, slices: [1], recovers: false };

interface Control {
  readonly title: string;
  readonly without: readonly (keyof Rules)[];
  readonly bounds: Partial<Bounds>;
  readonly broken: RegExp;
}

/** `base` and `reconcile` are each backed up by `continuity`, and it by them: two of them have to go. */
const CONTROLS: readonly Control[] = [
  {
    title: 'the fence compares plan ids',
    without: ['identity'],
    // The load has no rows, so that its own message can do no harm.
    bounds: { newestVersion: 2, histories: { A: [{}, { 0: 'written' }, { 0: 'written' }] } },
    broken: /move the version of its target forward|row 0 moved backwards/,
  },
  {
    title: 'whoever opens waits for the writers',
    without: ['lock'],
    bounds: { newestVersion: 2, writers: 2, faults: ['chunk unreadable'] },
    broken: /key . has|row . moved backwards/,
  },
  {
    title: 'a plan opens only under its base',
    without: ['base', 'continuity'],
    bounds: { newestVersion: 2, faults: ['rewind'] },
    broken: /no plan is open, but key/,
  },
  {
    title: '`through` is read from Postgres',
    without: ['reconcile', 'continuity'],
    bounds: { newestVersion: 2, faults: ['rewind'] },
    broken: /move the version of its target forward|no plan is open, but key/,
  },
  {
    title: 'no plan ends below what may be in the target',
    without: ['reach'],
    bounds: { newestVersion: 2, slices: [2], faults: ['chunk unreadable', 'stale look'] },
    broken: /no plan is open, but key/,
  },
  {
    title: 'a target is loaded only when it is empty as its load opens',
    without: ['emptiness'],
    bounds: { loaded: false, newestVersion: 0, faults: ['source recreated'] },
    broken: /duplicate_source_key|no plan is open, but key/,
  },
  {
    title: 'a writer compares the source’s table id before it commits',
    without: ['sourceId'],
    bounds: { loaded: false, faults: ['source recreated'] },
    broken: /no plan is open, but key/,
  },
  {
    title: 'the target’s oid is compared',
    without: ['targetOid'],
    bounds: { slices: [2], faults: ['target replaced'] },
    broken: /not in this target|no plan is open, but key/,
  },
  {
    title: 'the ledger says what is applied, not the checkpoint',
    without: ['ledger'],
    bounds: { slices: [2], faults: ['rewind'] },
    broken: /not in this target/,
  },
];

describe('it is seen when a rule is taken out:', () => {
  test.each(CONTROLS)('$title', async ({ without, bounds, broken }) => {
    const rules = { ...EVERY_RULE, ...Object.fromEntries(without.map((rule) => [rule, false])) };
    const { violation } = await explore({ ...LOADED, ...bounds, rules });
    expect(violation?.broken).toMatch(broken);
  });

  test('a state that does not recover', async () => {
    const rules = { ...EVERY_RULE, continuity: false, base: false };
    const explored = await explore({ ...LOADED, newestVersion: 1, planners: 2, recovers: true, rules });
    expect(explored.violation?.steps).toContain('-- nothing more goes wrong --');
  });
});
