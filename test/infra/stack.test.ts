import { App } from 'aws-cdk-lib';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { beforeAll, describe, expect, it } from 'vitest';
import { LakeferryStack } from '../../infra/lakeferry-stack.ts';
import { MAX_RECEIVES } from '../../infra/limits.ts';
import { MAX_RECEIVES as WRITER_MAX_RECEIVES } from '../../lambdas/writer.ts';
import { parseConfig } from '../../src/config/parse-config.ts';

const CONFIG = `
connections:
  databricks: { host: dbc-1.cloud.databricks.com, httpPath: /sql/1.0/warehouses/1, secret: lakeferry/databricks }
  neon: { secret: lakeferry/neon }
syncs:
  orders: { source: main.gold.orders, target: app.orders, primaryKey: id, schedule: rate(1 minute), maxWriters: 3 }
  items: { source: main.gold.items, target: app.items, primaryKey: id, maxWriters: 4 }
`;

describe('the stack', () => {
  let template: Template;

  beforeAll(() => {
    const app = new App();
    const config = parseConfig(CONFIG, 'lakeferry.yaml');
    template = Template.fromStack(new LakeferryStack(app, 'Test', { config, configPath: 'lakeferry.yaml' }));
  });

  it('ticks the planner for each sync on its own schedule', () => {
    template.resourceCountIs('AWS::Scheduler::Schedule', 2);
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      ScheduleExpression: 'rate(1 minute)',
      Target: Match.objectLike({ Input: '{"sync":"orders"}' }),
    });
  });

  it('gives a writer one chunk at a time and runs as many as the syncs together allow', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 7 },
    });
  });

  it('keeps chunks that failed for good, after as many receives as the writer counts', () => {
    expect(WRITER_MAX_RECEIVES).toBe(MAX_RECEIVES);
    template.hasResourceProperties('AWS::SQS::Queue', {
      RedrivePolicy: Match.objectLike({ maxReceiveCount: MAX_RECEIVES }),
      VisibilityTimeout: 3_600,
    });
  });

  it('lets both functions read the two secrets, through the layer that serves them', () => {
    const functions = template.findResources('AWS::Lambda::Function', {
      Properties: {
        Runtime: 'nodejs24.x',
        Environment: { Variables: { LAKEFERRY_CONFIG: 'lakeferry.yaml' } },
      },
    });
    expect(Object.values(functions).map(({ Properties }) => Properties.Layers?.length)).toEqual([1, 1]);
    const policies = JSON.stringify(template.findResources('AWS::IAM::Policy'));
    expect(policies).toContain('secretsmanager:GetSecretValue');
    expect(policies).toContain(':secret:lakeferry/databricks-??????');
    expect(policies).toContain(':secret:lakeferry/neon-??????');
  });

  it('keeps the checkpoint table when the stack goes', () => {
    template.hasResource('AWS::DynamoDB::GlobalTable', { DeletionPolicy: 'Retain' });
  });
});
