import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const CDK = join(dirname(createRequire(import.meta.url).resolve('aws-cdk/package.json')), 'bin/cdk');

describe('cdk synth --strict', () => {
  let folder: string;
  let output: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'lakeferry-synth-'));
    output = join(folder, 'cdk.out');
    // Nothing of this machine's account, and addresses at which nobody listens where something would be asked.
    const nobody = 'http://127.0.0.1:9';
    const environment = {
      PATH: `${dirname(process.execPath)}:/usr/bin:/bin`,
      HOME: folder,
      HTTPS_PROXY: nobody,
      HTTP_PROXY: nobody,
      AWS_EC2_METADATA_DISABLED: 'true',
      CI: 'true',
    };
    await promisify(execFile)(process.execPath, [CDK, 'synth', '--strict', '--quiet', '--output', output], {
      cwd: ROOT,
      env: environment,
    });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('makes the stack of lakeferry.yaml with no account, no credentials and no network', () => {
    const { Resources } = JSON.parse(readFileSync(join(output, 'Lakeferry.template.json'), 'utf8'));
    const types = Object.values(Resources as Record<string, { Type: string }>).map(({ Type }) => Type);
    expect(types.filter((type) => type === 'AWS::Scheduler::Schedule')).toHaveLength(1);
    expect(types.filter((type) => type === 'AWS::Lambda::Function')).toHaveLength(2);
  });

  it('finds nothing wrong with the template, by CDK’s own check against CloudFormation’s schemas', () => {
    const report = JSON.parse(readFileSync(join(output, 'validation-report.json'), 'utf8'));
    const violations = (report.pluginReports as { violations: unknown[] }[]).flatMap(
      (each) => each.violations,
    );
    expect(violations).toEqual([]);
  });
});
