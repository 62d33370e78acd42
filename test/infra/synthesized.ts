import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';
import type { Construct } from 'constructs';
import { Lakeferry, type LakeferryProps } from '../../infra/lakeferry.ts';
import type { LakeferryFileInput } from '../../src/config/file-schema.ts';

export const CONFIG = {
  connections: {
    databricks: {
      host: 'dbc-1.cloud.databricks.com',
      httpPath: '/sql/1.0/warehouses/1',
      secret: 'lakeferry/databricks',
    },
    neon: { secret: 'lakeferry/neon' },
  },
  syncs: {
    orders: {
      source: 'main.gold.orders',
      target: 'app.orders',
      primaryKey: 'id',
      schedule: 'rate(1 minute)',
      maxWriters: 3,
    },
    items: { source: 'main.gold.items', target: 'app.items', primaryKey: 'id', schedule: 'continuous' },
  },
} satisfies LakeferryFileInput;

export const [ACCOUNT, REGION] = ['111122223333', 'eu-central-1'] as const;

/** The sync `orders` alone, with these settings. */
export function configWith(settings: Partial<LakeferryFileInput['syncs'][string]>): LakeferryFileInput {
  return { ...CONFIG, syncs: { orders: { ...CONFIG.syncs.orders, ...settings } } };
}

// CDK's own check of templates takes seconds; the test of `cdk synth` has it.
process.env['CDK_VALIDATION'] = 'false';

/** An app that makes no bundles: most of what there is to see of a template is there without. */
export function quickApp(): App {
  return new App({ context: { 'aws:cdk:bundling-stacks': [] } });
}

export type MakeProps = (scope: Construct) => Partial<LakeferryProps>;

/** The template of a stack with the construct alone in it. */
export function templateOf(makeProps: MakeProps = () => ({})): Template {
  const stack = new Stack(quickApp(), 'Test', { env: { account: ACCOUNT, region: REGION } });
  new Lakeferry(stack, 'Sync', { name: 'prod', config: CONFIG, ...makeProps(stack) });
  return Template.fromStack(stack);
}

export type Resource = { readonly [key: string]: unknown; readonly Properties: Record<string, unknown> };

/** Resources of a type, by their logical ids. */
export function resourcesOf(
  template: Template,
  type: string,
): [id: string, properties: Record<string, unknown>][] {
  const found = template.findResources(type) as Record<string, Resource>;
  return Object.entries(found).map(([id, { Properties }]) => [id, Properties]);
}

/** The one resource of a type whose logical id starts like this. */
export function resourceOf(template: Template, type: string, id: string): Record<string, unknown> {
  const found = resourcesOf(template, type).filter(([each]) => each.startsWith(id));
  const [first] = found;
  if (!first || found.length > 1) throw new Error(`there are ${found.length} ${type} like ${id}`);
  return first[1];
}
