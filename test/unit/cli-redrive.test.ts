import { describe, expect, it } from 'vitest';
import { jsonDocument } from '../../src/cli/json-document.ts';
import {
  type RedriveOptions,
  redrivenJson,
  renderRedriven,
  renderSurvey,
  surveyJson,
} from '../../src/cli/redrive-report.ts';
import { createStyle } from '../../src/cli/style.ts';
import type { Survey } from '../../src/sync/redrive.ts';

const options: RedriveOptions = {
  layout: 'table',
  width: 120,
  style: createStyle({ colour: false, unicode: true }),
};
const SURVEY: Survey = {
  syncs: [
    { sync: 'items', messages: 1_200, ofOpenPlan: 3 },
    { sync: 'orders', messages: 2, ofOpenPlan: 2 },
  ],
  unreadable: 1,
  complete: true,
};

describe('what a redrive would do', () => {
  it('is a count per sync, with those that belong to the open plan apart', () => {
    expect(renderSurvey(SURVEY, undefined, options)).toEqual([
      'SYNC    MESSAGES  OPEN PLAN  EARLIER PLANS',
      'items      1,200          3          1,197',
      'orders         2          2              0',
      '',
      'Would move 1,203 messages back to the chunk queue.',
      '1 message cannot be read by this version of Lakeferry.',
      'Only messages of the open plan change rows: those of earlier plans are ignored when they come.',
    ]);
  });

  it('for one sync leaves the others and what cannot be read', () => {
    const screen = renderSurvey(SURVEY, 'orders', options);
    expect(screen).toContain('Would move 2 messages of orders back to the chunk queue.');
    expect(screen).toContain('1,201 messages of others would stay.');
    expect(renderSurvey(SURVEY, 'nuts', options)).toContain('There are no dead letters of nuts.');
  });

  it('does not show a count that could not be completed as the whole', () => {
    const screen = renderSurvey({ ...SURVEY, complete: false }, 'orders', options).join('\n');
    expect(screen).toContain('Would move at least 2 messages of orders');
    expect(screen).toContain('At least 1,201 messages of others would stay.');
    expect(screen).toContain('There were more than could be looked at');
  });

  it('is unknown where the target could not say which plan is open', () => {
    const blind = { ...SURVEY, syncs: [{ sync: 'items', messages: 4 }] };
    expect(renderSurvey(blind, undefined, options)[1]).toBe('items         4    unknown        unknown');
    expect(JSON.parse(jsonDocument(surveyJson(blind, undefined))).syncs).toEqual([
      { sync: 'items', messages: 4, ofOpenPlan: 'unknown' },
    ]);
  });

  it('is one document for programs', () => {
    expect(JSON.parse(jsonDocument(surveyJson(SURVEY, 'items')))).toMatchObject({
      schemaVersion: 1,
      dryRun: true,
      sync: 'items',
      move: 1_200,
      stay: 3,
      unreadable: 1,
      complete: true,
    });
  });
});

describe('what a redrive did', () => {
  it('says how many messages it moved, and that old ones do no harm', () => {
    expect(renderRedriven({ moved: 1 }, undefined, options)).toEqual([
      '✓ Moved 1 message back to the chunk queue.',
      '  What is still missing is applied; messages of earlier plans, and doubled ones, change nothing.',
    ]);
    expect(renderRedriven({ moved: 0 }, undefined, options)).toEqual(['✓ There are no dead letters.']);
    // SQS may never count what it moved.
    expect(renderRedriven({ moved: 0, total: 3 }, undefined, options)[0]).toBe(
      '✓ Moved 0 messages back to the chunk queue.',
    );
    expect(JSON.parse(jsonDocument(redrivenJson({ moved: 3 }, undefined)))).toMatchObject({
      moved: 3,
      stay: 'unknown',
    });
  });

  it('of one sync counts what stayed, and asks for another when it did not get through', () => {
    const screen = renderRedriven({ moved: 2, left: 5, complete: false }, 'orders', options);
    expect(screen).toContain('  5 messages of other syncs stayed in the dead-letter queue.');
    expect(screen.at(-1)).toMatch(/Again: lakeferry redrive orders$/);
  });
});
