import type { Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { readPage } from '../support/docs.ts';
import { resourceOf, resourcesOf, templateOf } from './synthesized.ts';

/** docs/operate/alarms.md and dashboard.md against the stack. */

let template: Template;

beforeAll(() => {
  template = templateOf();
});

/** Sections of a page by their headings, as one line each. */
function sectionsOf(page: string): ReadonlyMap<string, string> {
  const [, ...sections] = readPage(page).split(/^## /m);
  return new Map(
    sections.map((section) => {
      const [heading = '', ...lines] = section.split('\n');
      return [heading, lines.join(' ').replaceAll(/\s+/g, ' ')];
    }),
  );
}

describe('docs/operate/alarms.md', () => {
  const sections = sectionsOf('docs/operate/alarms.md');
  const alarms = () =>
    resourcesOf(template, 'AWS::CloudWatch::Alarm').map(([, alarm]) => ({
      says: String(alarm['AlarmName']).replace('Lakeferry prod: ', ''),
      description: String(alarm['AlarmDescription']),
    }));

  it('has a section for each alarm, and one for what has none', () => {
    const says = alarms().map((alarm) => alarm.says);
    expect([...sections.keys()]).toEqual(expect.arrayContaining(says));
    expect([...sections.keys()].filter((heading) => !says.includes(heading))).toEqual(['What has no alarm']);
  });

  it('says of each what it means, and names the commands of its mail', () => {
    for (const { says, description } of alarms()) {
      const section = sections.get(says) ?? '';
      expect(section, says).toMatch(/\*\*It means\*\* .+ \*\*Do\*\*: /);
      const run = /Run: (.*)$/.exec(description)?.[1]?.replaceAll('prod', '<deployment>') ?? '';
      const commands = run.match(/(?:lakeferry [a-z]+|aws [a-z]+ [a-z-]+)/g) ?? [];
      expect(commands.length, says).toBeGreaterThan(0);
      for (const command of commands) expect(section, says).toContain(command);
    }
  });
});

describe('docs/operate/dashboard.md', () => {
  it('has a line for each tile, in their order', () => {
    const { DashboardBody } = resourceOf(template, 'AWS::CloudWatch::Dashboard', 'SyncDashboard') as {
      DashboardBody: { readonly 'Fn::Join': [string, unknown[]] };
    };
    const text = DashboardBody['Fn::Join'][1].map((part) => (typeof part === 'string' ? part : 'x')).join('');
    const widgets = JSON.parse(text).widgets as {
      readonly x: number;
      readonly y: number;
      readonly properties: { readonly title?: string; readonly markdown?: string };
    }[];
    const titles = widgets
      .toSorted((a, b) => a.y - b.y || a.x - b.x)
      .map(({ properties: { title, markdown } }) => title ?? /^### (.*)$/m.exec(markdown ?? '')?.[1]);
    const rows = [...readPage('docs/operate/dashboard.md').matchAll(/^\| \*\*(.+?)\*\* \|/gm)];
    expect(rows.map(([, title]) => title)).toEqual(titles);
  });
});
