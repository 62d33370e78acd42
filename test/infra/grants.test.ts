import type { Template } from 'aws-cdk-lib/assertions';
import { Key } from 'aws-cdk-lib/aws-kms';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  ACCOUNT,
  CONFIG,
  type MakeProps,
  REGION,
  resourceOf,
  resourcesOf,
  templateOf,
} from './synthesized.ts';

interface Statement {
  readonly Effect: string;
  readonly Action: string | string[];
  readonly Resource?: unknown;
  readonly Condition?: unknown;
  readonly Principal?: unknown;
}

/** What a role may do: each action with the resource it may do it to. */
function grantsOf(template: Template, role: string): Record<string, unknown> {
  const { Policies, ManagedPolicyArns } = resourceOf(template, 'AWS::IAM::Role', role) as {
    Policies: { readonly PolicyDocument: { readonly Statement: Statement[] } }[];
    ManagedPolicyArns?: unknown;
  };
  expect(ManagedPolicyArns).toBeUndefined();
  const statements = Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);
  return Object.fromEntries(
    statements.flatMap(({ Action, Resource }) => [Action].flat().map((action) => [action, Resource])),
  );
}

const attribute = (id: string) => ({ 'Fn::GetAtt': [expect.stringMatching(new RegExp(`^${id}`)), 'Arn'] });
const secret = (name: string) => ({
  'Fn::Join': [
    '',
    ['arn:', { Ref: 'AWS::Partition' }, `:secretsmanager:${REGION}:${ACCOUNT}:secret:${name}-??????`],
  ],
});

const TABLE = attribute('SyncCheckpointTable');
const QUEUE = attribute('SyncChunkQueue(?!Dead)');
const SECRETS = [secret('lakeferry/databricks'), secret('lakeferry/neon')];

const PLANNER = {
  'logs:CreateLogStream': attribute('SyncPlannerLogs'),
  'logs:PutLogEvents': attribute('SyncPlannerLogs'),
  // DynamoDbCheckpointStore.read and write; a planner marks no slice as done.
  'dynamodb:GetItem': TABLE,
  'dynamodb:PutItem': TABLE,
  // SendMessageBatch has no action of its own.
  'sqs:SendMessage': QUEUE,
  'secretsmanager:GetSecretValue': SECRETS,
};

const WRITER = {
  'logs:CreateLogStream': attribute('SyncWriterLogs'),
  'logs:PutLogEvents': attribute('SyncWriterLogs'),
  'dynamodb:GetItem': TABLE,
  'dynamodb:PutItem': TABLE,
  // addDone and recordFailure.
  'dynamodb:UpdateItem': TABLE,
  // The event source's own.
  'sqs:ReceiveMessage': QUEUE,
  'sqs:DeleteMessage': QUEUE,
  'sqs:GetQueueAttributes': QUEUE,
  // returnAfter, and the chunks that follow one.
  'sqs:ChangeMessageVisibility': QUEUE,
  'sqs:SendMessage': QUEUE,
  'secretsmanager:GetSecretValue': SECRETS,
};

describe('what may be done', () => {
  let template: Template;

  beforeAll(() => {
    template = templateOf();
  });

  it('by the planner: look at checkpoints, write them, send chunks, read its secrets, write its log', () => {
    expect(grantsOf(template, 'SyncPlannerRole')).toEqual(PLANNER);
  });

  it('by the writer: the same, mark slices, and receive chunks and give them back', () => {
    expect(grantsOf(template, 'SyncWriterRole')).toEqual(WRITER);
  });

  it('by the schedules: call the planner, and only as schedules of this deployment', () => {
    expect(grantsOf(template, 'SyncSchedulesRole')).toEqual({
      'lambda:InvokeFunction': attribute('SyncPlannerFunction'),
    });
    const { AssumeRolePolicyDocument } = resourceOf(template, 'AWS::IAM::Role', 'SyncSchedulesRole');
    expect(AssumeRolePolicyDocument).toMatchObject({
      Statement: [
        {
          Principal: { Service: 'scheduler.amazonaws.com' },
          Condition: {
            StringEquals: { 'aws:SourceAccount': ACCOUNT, 'aws:SourceArn': attribute('SyncSchedulesGroup') },
          },
        },
      ],
    });
  });

  it('by nobody else: there are three roles, and no policy beside theirs', () => {
    template.resourceCountIs('AWS::IAM::Role', 3);
    template.resourceCountIs('AWS::IAM::Policy', 0);
    template.resourceCountIs('AWS::IAM::ManagedPolicy', 0);
    template.resourceCountIs('AWS::Lambda::Permission', 0);
  });

  it('never to everything: no statement names * as its resource', () => {
    for (const [id, role] of resourcesOf(template, 'AWS::IAM::Role')) {
      const statements = JSON.stringify(role['Policies']);
      expect(statements, id).not.toMatch(/"\*"|:\*/);
    }
  });

  it('with queues and topic: nothing without TLS', () => {
    const statements = ['AWS::SQS::QueuePolicy', 'AWS::SNS::TopicPolicy'].flatMap((type) =>
      resourcesOf(template, type).map(
        ([, { PolicyDocument }]) => (PolicyDocument as { Statement: Statement[] }).Statement,
      ),
    );
    expect(statements).toHaveLength(3);
    for (const statement of statements) {
      expect(statement).toContainEqual(
        expect.objectContaining({ Effect: 'Deny', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }),
      );
    }
  });

  it('with the topic: alarms of this account get in, which a topic with a policy shuts out by itself', () => {
    const { PolicyDocument } = resourceOf(template, 'AWS::SNS::TopicPolicy', 'SyncAlarmTopic');
    expect((PolicyDocument as { Statement: Statement[] }).Statement).toContainEqual({
      Sid: 'Alarms',
      Effect: 'Allow',
      Principal: { Service: 'cloudwatch.amazonaws.com' },
      Action: 'sns:Publish',
      Resource: { Ref: expect.stringMatching(/^SyncAlarmTopic/) },
      Condition: { StringEquals: { 'aws:SourceAccount': ACCOUNT } },
    });
  });
});

describe('a secret', () => {
  function secretsOf(name: string, more: MakeProps = () => ({})): Record<string, unknown> {
    const connections = { ...CONFIG.connections, neon: { secret: name } };
    const template = templateOf((scope) => ({ config: { ...CONFIG, connections }, ...more(scope) }));
    return grantsOf(template, 'SyncPlannerRole');
  }
  const neonOf = (grants: Record<string, unknown>) =>
    (grants['secretsmanager:GetSecretValue'] as unknown[])[1];

  it('may be named by its whole ARN, which is taken as it is', () => {
    const arn = 'arn:aws:secretsmanager:eu-west-1:444455556666:secret:lakeferry/neon-AbC123';
    expect(neonOf(secretsOf(arn))).toBe(arn);
  });

  it('may be named by an ARN without its last six characters', () => {
    const arn = 'arn:aws:secretsmanager:eu-west-1:444455556666:secret:lakeferry/neon';
    expect(neonOf(secretsOf(arn))).toBe(`${arn}-??????`);
  });

  it('that the stack makes is read by what CloudFormation calls it', () => {
    expect(neonOf(secretsOf('lakeferry/neon', () => ({ secrets: 'create' })))).toEqual({
      Ref: expect.stringMatching(/^SyncSecretsNeon/),
    });
  });

  it('with a key of yours may be decrypted with it, and with no other', () => {
    const grants = secretsOf('lakeferry/neon', (scope) => ({ secretsKey: new Key(scope, 'SecretsKey') }));
    expect(grants['kms:Decrypt']).toEqual(attribute('SecretsKey'));
    expect(Object.keys(grants).filter((action) => action.startsWith('kms:'))).toEqual(['kms:Decrypt']);
  });
});

describe('a key of yours', () => {
  it('may be used by both functions for what it encrypts, and not be managed', () => {
    const template = templateOf((scope) => ({ encryptionKey: new Key(scope, 'Key') }));
    const actions = [
      'kms:Decrypt',
      'kms:DescribeKey',
      'kms:Encrypt',
      'kms:GenerateDataKey',
      'kms:ReEncryptFrom',
      'kms:ReEncryptTo',
    ];
    const used = Object.fromEntries(actions.map((action) => [action, attribute('Key')]));
    expect(grantsOf(template, 'SyncPlannerRole')).toEqual({ ...PLANNER, ...used });
    expect(grantsOf(template, 'SyncWriterRole')).toEqual({ ...WRITER, ...used });
  });

  it('may be used by CloudWatch for the logs of this deployment, and for alarms', () => {
    const template = templateOf((scope) => ({ encryptionKey: new Key(scope, 'Key') }));
    const { KeyPolicy } = resourceOf(template, 'AWS::KMS::Key', 'Key');
    const [, ...services] = (KeyPolicy as { Statement: Statement[] }).Statement;
    expect(services).toEqual([
      {
        Effect: 'Allow',
        Principal: { Service: `logs.${REGION}.amazonaws.com` },
        Action: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*', 'kms:DescribeKey'],
        Resource: '*',
        Condition: {
          ArnLike: {
            'kms:EncryptionContext:aws:logs:arn': {
              'Fn::Join': [
                '',
                ['arn:', { Ref: 'AWS::Partition' }, `:logs:${REGION}:${ACCOUNT}:log-group:/lakeferry/prod/*`],
              ],
            },
          },
        },
      },
      {
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        Resource: '*',
      },
    ]);
  });
});
