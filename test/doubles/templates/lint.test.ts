import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Key } from 'aws-cdk-lib/aws-kms';
import { CfnQueue } from 'aws-cdk-lib/aws-sqs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LakeferryStack, type LakeferryStackProps } from '../../../infra/lakeferry-stack.ts';
import { CONFIG, REGION } from '../../infra/synthesized.ts';
import { readDoubleSettings } from '../settings.ts';
import { lint } from './cfn-lint.ts';

/** CDK orders a function after its role in words, too. */
const WITHOUT = ['W3005'];

describe.runIf(readDoubleSettings().templates)('cfn-lint', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lakeferry-lint-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  function findings(props: Partial<LakeferryStackProps>, add: (stack: Stack) => void = () => {}) {
    const app = new App({ outdir: folder, context: { 'aws:cdk:bundling-stacks': [] } });
    add(new LakeferryStack(app, 'Lakeferry', { config: CONFIG, ...props }));
    app.synth();
    return lint(join(folder, 'Lakeferry.template.json'), [REGION, 'us-east-1'], WITHOUT);
  }

  it('finds nothing wrong with the stack', async () => {
    expect(await findings({})).toEqual([]);
  });

  it('finds nothing wrong with secrets of its own and a key of yours', async () => {
    const keys = new Stack(new App(), 'Keys');
    const encryptionKey = Key.fromKeyArn(keys, 'Key', `arn:aws:kms:${REGION}:111122223333:key/1`);
    const env = { account: '111122223333', region: REGION };
    expect(await findings({ env, secrets: 'create', encryptionKey })).toEqual([]);
  });

  it('finds what is wrong', async () => {
    const found = await findings({}, (stack) => new CfnQueue(stack, 'Bad', { visibilityTimeout: 99_999 }));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain('99999');
  });
});
