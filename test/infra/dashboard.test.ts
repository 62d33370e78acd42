import type { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { METRIC_DIMENSION, METRIC_NAMESPACE, METRIC_UNITS } from '../../src/telemetry/metric-names.ts';
import { resourceOf, resourcesOf, templateOf } from './synthesized.ts';

interface Widget {
  readonly type: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly query?: string;
    readonly metrics?: readonly unknown[][];
    readonly annotations?: {
      readonly horizontal: readonly { readonly value: number; readonly label: string }[];
    };
  };
}

describe('the dashboard', () => {
  let template: Template;
  let widgets: Widget[];

  beforeAll(() => {
    template = templateOf();
    const { DashboardBody } = resourceOf(template, 'AWS::CloudWatch::Dashboard', 'SyncDashboard') as {
      DashboardBody: { readonly 'Fn::Join': [string, unknown[]] };
    };
    const text = DashboardBody['Fn::Join'][1]
      .map((part) => (typeof part === 'string' ? part : 'token'))
      .join('');
    widgets = JSON.parse(text).widgets;
  });

  const titles = () => widgets.flatMap(({ properties: { title } }) => title ?? []);

  it('asks a question with every tile', () => {
    for (const title of titles()) expect(title).toMatch(/\?( \(.*\))?$/);
    expect(
      widgets.filter(({ type }) => type === 'text').map(({ properties }) => properties.markdown),
    ).toEqual([expect.stringMatching(/^### .*\?/)]);
  });

  it('goes from what needs a person to what it costs, two or four tiles in a row', () => {
    const rows = Map.groupBy(widgets, ({ y }) => y);
    const heads = [...rows.values()].map((row) => row.toSorted((a, b) => a.x - b.x)[0]?.properties.title);
    expect(heads).toEqual([
      'Is a sync halted? (1 = yes)',
      'Is anything behind?',
      'How many rows are applied per minute?',
      'What is tried again, and what is held back?',
      'What do the functions cost? (seconds of running per hour)',
      undefined,
    ]);
    for (const row of rows.values()) expect(row.reduce((sum, { width }) => sum + width, 0)).toBe(24);
  });

  it('draws the limit of each sync, one line for those that share it', () => {
    const behind = widgets.find(({ properties }) => properties.title === 'Is anything behind?');
    expect(behind?.properties.annotations?.horizontal).toMatchObject([
      { value: 1_800, label: 'maxLag of orders and 1 more' },
    ]);
  });

  it('shows metrics that the functions emit, for this deployment', () => {
    const ours = widgets
      .flatMap(({ properties }) => properties.metrics ?? [])
      .filter(([namespace]) => namespace === METRIC_NAMESPACE);
    expect(ours.length).toBeGreaterThan(5);
    for (const [, name, dimension, value] of ours) {
      expect(Object.keys(METRIC_UNITS)).toContain(name);
      expect([dimension, value]).toEqual([METRIC_DIMENSION, 'prod']);
    }
  });

  it('says of every alarm, in its words, what it means and what to run', () => {
    const text = widgets.find(({ type }) => type === 'text')?.properties.markdown ?? '';
    const alarms = resourcesOf(template, 'AWS::CloudWatch::Alarm');
    for (const [, { AlarmDescription }] of alarms) {
      expect(text).toContain(String(AlarmDescription).replaceAll('<', '&lt;'));
    }
    expect(text.split('\n').filter((line) => line.startsWith('| ')).length).toBe(alarms.length + 1);
  });
});

describe('the queries', () => {
  it('are saved in the deployment’s folder, and ask only for what the functions log', () => {
    const template = templateOf();
    const queries = resourcesOf(template, 'AWS::Logs::QueryDefinition').map(([, properties]) => properties);
    expect(queries.map(({ Name }) => Name)).toContain('Lakeferry/prod/Which syncs are halted, and why');
    const known = new Set([
      ...Object.keys(METRIC_UNITS),
      ...['sync', 'kind', 'outcome', 'level', 'message', 'planId', 'slice', 'reason'],
    ]);
    for (const { QueryString, LogGroupNames } of queries) {
      expect(LogGroupNames).toHaveLength(2);
      expect(String(QueryString)).not.toContain('customer_profiles = ');
      const metrics = String(QueryString).match(/\b[A-Z][A-Za-z]+\b/g) ?? [];
      for (const name of metrics) expect(known).toContain(name);
    }
  });
});
