import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { type DoctorOptions, doctorExitCode, doctorJson, renderDoctor } from '../../src/cli/doctor-report.ts';
import { jsonDocument } from '../../src/cli/json-document.ts';
import { createStyle } from '../../src/cli/style.ts';
import { about, advise, type Finding } from '../../src/doctor/finding.ts';

const OPTIONS: DoctorOptions = {
  file: 'lakeferry.yaml',
  syncs: 3,
  offline: false,
  width: 100,
  style: createStyle({ colour: false, unicode: true }),
};

const SWITCH_ON = 'alter table `main`.`gold`.`orders` set tblproperties (delta.enableChangeDataFeed = true);';
const orders = about('databricks', 'main.gold.orders', 'orders');
const FINE: readonly Finding[] = [
  about('databricks', 'warehouse').ok('answer', 'answers'),
  orders.ok('table', 'at version 1,907'),
];
const FEED_OFF = orders.problem('change feed', 'change feed is off', {
  by: 'Databricks (owner of main.gold.orders)',
  paste: [SWITCH_ON],
  advice: 'The first sync is a snapshot.',
});
const NO_STACK = about('stack', 'stack').note('stack', 'none yet', { by: 'You', paste: ['npx cdk deploy'] });
const UNASKED = about('neon', 'app.orders', 'orders').unchecked('table', 'whether it fits');

const render = (findings: readonly Finding[], options: Partial<DoctorOptions> = {}) =>
  renderDoctor(findings, { ...OPTIONS, ...options });

describe('the screen of doctor', () => {
  it('has a line for each thing, with what is wrong above what is fine, and then what to do', () => {
    expect(render([...FINE, FEED_OFF, UNASKED, NO_STACK])).toEqual([
      'lakeferry.yaml  ✓ 3 syncs, no problems',
      'Databricks      warehouse         ✓ answers',
      '                main.gold.orders  ✗ change feed is off',
      '                                  ✓ at version 1,907',
      'Neon            app.orders  ? not checked: whether it fits',
      'Deployed stack  stack  ! none yet',
      '',
      'Not checked: app.orders (table).',
      '',
      '1 problem, 1 note. What to do, in this order:',
      '',
      '  1  Databricks (owner of main.gold.orders)',
      `       ${SWITCH_ON}`,
      '     The first sync is a snapshot.',
      '',
      '  2  You',
      '       npx cdk deploy',
    ]);
  });

  it('says in one sentence that all is well, and never so when something was not looked at', () => {
    expect(render(FINE).at(-1)).toBe('All is well.');
    expect(render([...FINE, UNASKED]).at(-1)).toBe('No problem was found in what could be checked.');
    expect(render([], { offline: true }).at(-1)).toContain('Nothing was asked over a network');
  });

  it('says once what mends several findings', () => {
    const mend = advise('Set the clock.');
    const both = [orders.problem('a', 'one', mend), orders.problem('b', 'two', mend)];
    expect(render(both).filter((line) => line.includes('Set the clock.'))).toHaveLength(1);
  });

  it('keeps to a narrow terminal, except for what is to be pasted', () => {
    const long = orders.problem(
      'key',
      'a sentence of more words than a line has room for, and then some more',
      FEED_OFF.fix as never,
    );
    for (const width of [60, 79, 80]) {
      const lines = render([...FINE, long, UNASKED], { width });
      for (const line of lines.filter((each) => !each.includes(SWITCH_ON))) {
        expect(stringWidth(line)).toBeLessThanOrEqual(width);
      }
      expect(lines.some((line) => line.endsWith(SWITCH_ON))).toBe(true);
    }
  });

  it('lets no text of a server steer the terminal', () => {
    const odd = orders.problem('key', 'odd \u001b[31mtext', { by: 'You', paste: ['drop \u0007'] });
    expect(render([odd]).join('\n')).not.toMatch(/\p{Cc}(?<!\n)/u);
  });
});

describe('what doctor ends with', () => {
  it.each([
    [FINE, 0],
    [[...FINE, NO_STACK], 0],
    [[...FINE, UNASKED], 1],
    [[...FINE, UNASKED, FEED_OFF], 3],
  ])('is told by the worst finding', (findings, code) => {
    expect(doctorExitCode(findings)).toBe(code);
  });
});

describe('doctor --json', () => {
  it('is one document with counts and every finding', () => {
    expect(JSON.parse(jsonDocument(doctorJson([...FINE, FEED_OFF, NO_STACK])))).toEqual({
      schemaVersion: 1,
      problems: 1,
      notes: 1,
      unchecked: 0,
      findings: [...FINE, FEED_OFF, NO_STACK].map((finding) => ({ sync: null, fix: null, ...finding })),
    });
  });
});
