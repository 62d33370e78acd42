import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Stack, Validations } from 'aws-cdk-lib';
import { Queue } from 'aws-cdk-lib/aws-sqs';
import { AwsSolutionsChecks } from 'cdk-nag';
import { describe, expect, it } from 'vitest';
import { LakeferryStack } from '../../infra/lakeferry-stack.ts';
import { CONFIG, quickApp } from './synthesized.ts';

interface Report {
  readonly pluginReports: readonly { readonly violations: readonly { readonly ruleName: string }[] }[];
}

/** Rules of cdk-nag's AwsSolutions that the stack breaks, with what is added to it. */
function broken(add: (stack: Stack) => void = () => {}): string[] {
  const app = quickApp();
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  add(new LakeferryStack(app, 'Lakeferry', { config: CONFIG, secrets: 'create' }));
  try {
    app.synth();
  } catch (error) {
    if (!(error instanceof Error && error.name === 'ValidationFailed')) throw error;
  }
  const report = JSON.parse(readFileSync(join(app.outdir, 'validation-report.json'), 'utf8')) as Report;
  return report.pluginReports.flatMap(({ violations }) => violations.map(({ ruleName }) => ruleName));
}

/** Rules that the stack's constructs say they break, with the reason. */
function acknowledged(): unknown[] {
  const stack = new LakeferryStack(quickApp(), 'Lakeferry', { config: CONFIG, secrets: 'create' });
  const key = Validations.ACKNOWLEDGED_RULES_METADATA_KEY;
  return stack.node
    .findAll()
    .flatMap(({ node }) => node.metadata.filter(({ type }) => type === key).map(({ data }) => data));
}

describe('the AwsSolutions checks', () => {
  it('find nothing that is not acknowledged', () => {
    expect(broken()).toEqual([]);
  });

  it('find what is wrong', () => {
    expect(broken((stack) => new Queue(stack, 'Bare'))).toEqual(['AwsSolutions-SQS3', 'AwsSolutions-SQS4']);
  });

  it('are told why, of the two secrets alone, they need no rotation by AWS', () => {
    const text = JSON.stringify(acknowledged());
    expect(text.match(/AwsSolutions-[A-Z]+\d+/g)).toEqual(['AwsSolutions-SMG4', 'AwsSolutions-SMG4']);
    expect(text.match(/Databricks and Neon issue the credential/g)).toHaveLength(2);
  });
});
