import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Match, Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { beforeAll, describe, expect, it } from 'vitest';
import { LakeferryStack } from '../../infra/lakeferry-stack.ts';
import { MAX_RECEIVES, PLANNER_TIMEOUT } from '../../infra/limits.ts';
import { MAX_RECEIVES as WRITER_MAX_RECEIVES } from '../../lambdas/writer.ts';
import { deploymentParameter, parseDeployment } from '../../src/config/deployment.ts';
import {
  ACCOUNT,
  CONFIG,
  configWith,
  quickApp,
  REGION,
  resourceOf,
  resourcesOf,
  templateOf,
} from './synthesized.ts';

describe('the stack', () => {
  let template: Template;

  beforeAll(() => {
    template = templateOf();
  });

  it('ticks the planner for each sync on its own schedule, in a group of the deployment', () => {
    template.resourceCountIs('AWS::Scheduler::Schedule', 2);
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      Name: 'orders',
      GroupName: Match.anyValue(),
      ScheduleExpression: 'rate(1 minute)',
      Target: Match.objectLike({
        Input: '{"sync":"orders"}',
        RetryPolicy: { MaximumEventAgeInSeconds: 60, MaximumRetryAttempts: 0 },
      }),
    });
    template.hasResourceProperties('AWS::Scheduler::ScheduleGroup', { Name: 'lakeferry-prod' });
  });

  it('ticks a continuous sync each minute and has the planner poll in between', () => {
    template.hasResourceProperties('AWS::Scheduler::Schedule', {
      Name: 'items',
      ScheduleExpression: 'rate(1 minute)',
      Target: Match.objectLike({ Input: '{"sync":"items","continuous":true}' }),
    });
  });

  it('does not try a failed tick again: Lambda would do so twice by itself', () => {
    template.hasResourceProperties('AWS::Lambda::EventInvokeConfig', {
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 60,
    });
  });

  it('leaves a planner that polls time to finish what it began just before the minute ended', () => {
    expect(PLANNER_TIMEOUT.toSeconds()).toBeGreaterThanOrEqual(120);
  });

  it('gives a writer one chunk at a time and runs as many as the syncs together allow', () => {
    template.hasResourceProperties('AWS::Lambda::EventSourceMapping', {
      BatchSize: 1,
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      ScalingConfig: { MaximumConcurrency: 7 },
    });
  });

  it.each([
    [1, 2],
    [100, 100],
  ])('with %i writers has a maximum concurrency that AWS accepts, %i', (maxWriters, expected) => {
    templateOf(() => ({ config: configWith({ maxWriters }) })).hasResourceProperties(
      'AWS::Lambda::EventSourceMapping',
      { ScalingConfig: { MaximumConcurrency: expected } },
    );
  });

  it('lets a lane of chunks be longer than what Lambda takes for an endless loop, in the writer alone', () => {
    const loops = resourcesOf(template, 'AWS::Lambda::Function').map(([id, { RecursiveLoop }]) => [
      id.startsWith('SyncWriter'),
      RecursiveLoop,
    ]);
    expect(loops).toEqual([
      [false, undefined],
      [true, 'Allow'],
    ]);
  });

  it('keeps chunks that failed for good, after as many receives as the writer counts', () => {
    expect(WRITER_MAX_RECEIVES).toBe(MAX_RECEIVES);
    template.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: 'prod-chunks',
      RedrivePolicy: Match.objectLike({ maxReceiveCount: MAX_RECEIVES }),
      VisibilityTimeout: 3_600,
      SqsManagedSseEnabled: true,
    });
  });

  it('takes dead letters from the chunk queue alone, and keeps them for as long as AWS does', () => {
    const arn = ['arn:', { Ref: 'AWS::Partition' }, `:sqs:${REGION}:${ACCOUNT}:prod-chunks`];
    template.hasResourceProperties('AWS::SQS::Queue', {
      QueueName: 'prod-chunks-dead',
      MessageRetentionPeriod: 14 * 86_400,
      RedriveAllowPolicy: { redrivePermission: 'byQueue', sourceQueueArns: [{ 'Fn::Join': ['', arn] }] },
    });
  });

  it('runs both functions on Node 24 on arm64, with their configuration and the deployment’s name', () => {
    const functions = resourcesOf(template, 'AWS::Lambda::Function');
    expect(functions).toHaveLength(2);
    for (const [, properties] of functions) {
      expect(properties).toMatchObject({
        Runtime: 'nodejs24.x',
        Architectures: ['arm64'],
        Handler: 'index.handler',
        Environment: {
          Variables: {
            LAKEFERRY_CONFIG: 'lakeferry.yaml',
            POWERTOOLS_SERVICE_NAME: 'prod',
          },
        },
      });
      expect(properties).not.toHaveProperty('Layers');
    }
  });

  it('keeps each function’s log for a month, under a name to be found by', () => {
    const groups = resourcesOf(template, 'AWS::Logs::LogGroup').map(([, properties]) => properties);
    expect(groups).toMatchObject([
      { LogGroupName: '/lakeferry/prod/planner', RetentionInDays: 30 },
      { LogGroupName: '/lakeferry/prod/writer', RetentionInDays: 30 },
    ]);
  });

  it('keeps the checkpoint table when the stack goes, and can go back to any second of it', () => {
    template.hasResource('AWS::DynamoDB::GlobalTable', {
      DeletionPolicy: 'Retain',
      UpdateReplacePolicy: 'Retain',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
        Replicas: [
          Match.objectLike({
            DeletionProtectionEnabled: true,
            PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
          }),
        ],
      },
    });
  });

  it('makes no secret unless it is asked to, and then makes them empty and keeps them', () => {
    template.resourceCountIs('AWS::SecretsManager::Secret', 0);
    const made = resourcesOf(
      templateOf(() => ({ secrets: 'create' })),
      'AWS::SecretsManager::Secret',
    );
    expect(made.map(([, { Name }]) => Name)).toEqual(['lakeferry/databricks', 'lakeferry/neon']);
    for (const [, properties] of made) {
      expect(properties).not.toHaveProperty('SecretString');
      expect(properties).not.toHaveProperty('GenerateSecretString');
    }
    // All the same not after a first deployment that failed: the next one could not make them.
    templateOf(() => ({ secrets: 'create' })).allResources('AWS::SecretsManager::Secret', {
      DeletionPolicy: 'RetainExceptOnCreate',
      UpdateReplacePolicy: 'Retain',
    });
  });

  it('encrypts everything with one key of yours when it is given', () => {
    const encrypted = templateOf((scope) => ({ encryptionKey: new Key(scope, 'Key') }));
    const ofKey = { 'Fn::GetAtt': [Match.stringLikeRegexp('^Key'), 'Arn'] };
    encrypted.allResourcesProperties('AWS::SQS::Queue', { KmsMasterKeyId: ofKey });
    encrypted.allResourcesProperties('AWS::Logs::LogGroup', { KmsKeyId: ofKey });
    encrypted.hasResourceProperties('AWS::SNS::Topic', { KmsMasterKeyId: Match.anyValue() });
    encrypted.hasResourceProperties('AWS::DynamoDB::GlobalTable', {
      SSESpecification: { SSEEnabled: true, SSEType: 'KMS' },
    });
    const policy = JSON.stringify(resourceOf(encrypted, 'AWS::KMS::Key', 'Key')['KeyPolicy']);
    expect(policy).toContain('cloudwatch.amazonaws.com');
    expect(policy).toContain('logs.');
  });

  it('tells where its parts are in an SSM parameter that the command line reads', () => {
    const { Name, Value } = resourceOf(template, 'AWS::SSM::Parameter', 'Sync');
    expect(Name).toBe(deploymentParameter('prod'));
    const told = parseDeployment(resolved(Value));
    expect(told).toMatchObject({
      name: 'prod',
      region: REGION,
      plannerLogGroup: expect.stringContaining('«SyncPlanner'),
      alarms: expect.arrayContaining([expect.stringContaining('«SyncAlarms')]),
      dashboard: 'Lakeferry-prod',
    });
    template.hasResourceProperties('AWS::Scheduler::ScheduleGroup', { Name: told.scheduleGroup });
    expect(told.chunkQueueUrl).not.toBe(told.deadLetterQueueUrl);
  });

  it('has another digest for another configuration', () => {
    const digestOf = (maxWriters: number) => {
      const made = templateOf(() => ({ config: configWith({ maxWriters }) }));
      return parseDeployment(resolved(resourceOf(made, 'AWS::SSM::Parameter', 'Sync')['Value'])).configDigest;
    };
    expect(digestOf(1)).toMatch(/^[0-9a-f]{16}$/);
    expect(digestOf(1)).not.toBe(digestOf(2));
    expect(digestOf(2)).toBe(digestOf(2));
  });

  it('takes the path of a file as well as what would stand in it, and refuses one that is not valid', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'lakeferry-infra-'));
    const path = join(folder, 'lakeferry.yaml');
    writeFileSync(path, JSON.stringify(CONFIG));
    templateOf(() => ({ config: path })).resourceCountIs('AWS::Scheduler::Schedule', 2);
    writeFileSync(path, 'syncs: { orders: { source: orders } }');
    expect(() => templateOf(() => ({ config: path }))).toThrow('lakeferry.yaml');
    expect(() => templateOf(() => ({ config: configWith({ maxWriters: 0 }) }))).toThrow('lakeferry.yaml');
    await rm(folder, { recursive: true });
  });

  it('refuses a name that its parts could not bear', () => {
    for (const name of ['', 'a b', 'x'.repeat(41), 'prod/eu', 'my_prod']) {
      expect(() => templateOf(() => ({ name })), name).toThrow('is no name for a deployment');
    }
  });

  it('puts out what the parameter tells, under names that stay', () => {
    const stack = new LakeferryStack(quickApp(), 'Lakeferry', { config: CONFIG });
    expect(Object.keys(Template.fromStack(stack).findOutputs('*'))).toEqual([
      'DeploymentParameter',
      'CheckpointTable',
      'ChunkQueueUrl',
      'DeadLetterQueueUrl',
      'PlannerFunction',
      'WriterFunction',
      'AlarmTopicArn',
      'DashboardName',
      'ConfigDigest',
    ]);
  });
});

/** A text with CloudFormation's functions in it, each in place of what it would give. */
function resolved(value: unknown): string {
  if (typeof value === 'string') return value;
  const [, parts] = (value as { readonly 'Fn::Join': [string, unknown[]] })['Fn::Join'];
  return parts
    .map((part) => {
      if (typeof part === 'string') return part;
      const { Ref, 'Fn::GetAtt': attribute } = part as { Ref?: string; 'Fn::GetAtt'?: string[] };
      return `«${Ref ?? attribute?.join('.')}»`;
    })
    .join('');
}
