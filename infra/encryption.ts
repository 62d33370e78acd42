import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import type { Construct } from 'constructs';

/** Lets CloudWatch write logs and send alarms that are encrypted with the key. No effect on a key of another stack. */
export function letServicesUse(key: IKey, scope: Construct): void {
  const { account, region } = Stack.of(scope);
  const services = { logs: `logs.${region}.amazonaws.com`, alarms: 'cloudwatch.amazonaws.com' };
  for (const [use, service] of Object.entries(services)) {
    key.addToResourcePolicy(
      new PolicyStatement({
        sid: `Lakeferry${use}`,
        principals: [
          new ServicePrincipal(service, { conditions: { StringEquals: { 'aws:SourceAccount': account } } }),
        ],
        actions: ['kms:Decrypt', 'kms:Encrypt', 'kms:GenerateDataKey*', 'kms:ReEncrypt*', 'kms:DescribeKey'],
        resources: ['*'],
      }),
    );
  }
}

/** What a function may do with a key that encrypts what it reads and writes. */
export function mayUse(key: IKey | undefined): PolicyStatement[] {
  if (key === undefined) return [];
  const actions = [
    'kms:Decrypt',
    'kms:DescribeKey',
    'kms:Encrypt',
    'kms:GenerateDataKey',
    'kms:ReEncryptFrom',
    'kms:ReEncryptTo',
  ];
  return [new PolicyStatement({ actions, resources: [key.keyArn] })];
}
