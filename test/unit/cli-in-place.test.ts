import { expect, it } from 'vitest';
import { inPlace } from '../../src/cli/in-place.ts';

const DEPLOYED = { config: 'lakeferry.yaml', deployment: 'prod' };
const LOCAL = { config: 'lakeferry.yaml', local: true } as const;

it.each([
  ['lakeferry resume orders', DEPLOYED, 'lakeferry resume orders --deployment prod'],
  ['lakeferry resume orders', LOCAL, 'lakeferry resume orders --local'],
  ['lakeferry logs --since 15m', LOCAL, 'lakeferry logs --since 15m'],
  ['lakeferry resume orders', { config: 'our own.yaml' }, "lakeferry resume orders --config 'our own.yaml'"],
  ['drop it, then run "lakeferry run orders".', LOCAL, 'drop it, then run "lakeferry run orders --local".'],
  ['lakeferry run a\nlakeferry run b', LOCAL, 'lakeferry run a --local\nlakeferry run b --local'],
  ['\u001b[1mlakeferry run a\u001b[22m', LOCAL, '\u001b[1mlakeferry run a --local\u001b[22m'],
  ['npx cdk deploy', DEPLOYED, 'npx cdk deploy -c name=prod'],
  ['\u001b[1mnpx cdk deploy\u001b[22m', DEPLOYED, '\u001b[1mnpx cdk deploy -c name=prod\u001b[22m'],
  ['or npx cdk deploy -c secrets=create', DEPLOYED, 'or npx cdk deploy -c name=prod -c secrets=create'],
  ['npx cdk deploy', { config: 'our.yaml' }, 'npx cdk deploy -c config=our.yaml'],
  [
    'Correct syncs.a.where in lakeferry.yaml, then run "lakeferry run a".',
    { config: 'env/our $& own.yaml' },
    `Correct syncs.a.where in env/our $& own.yaml, then run "lakeferry run a --config 'env/our $& own.yaml'".`,
  ],
  [
    "Correct lakeferry.yaml: lakeferry init --config 'our lakeferry.yaml~'",
    { config: 'our lakeferry.yaml~' },
    "Correct our lakeferry.yaml~: lakeferry init --config 'our lakeferry.yaml~'",
  ],
  ['Write it into lakeferry.yaml.', { config: 'prod/lakeferry.yaml' }, 'Write it into prod/lakeferry.yaml.'],
])('%j means the same system as the command that prints it', (text, flags, placed) => {
  expect(inPlace(text, flags, {})).toBe(placed);
});

it('names the deployment of the environment to CDK alone, which does not read it', () => {
  const env = { LAKEFERRY_DEPLOYMENT: 'prod' };
  expect(inPlace('npx cdk deploy', { config: 'lakeferry.yaml' }, env)).toBe('npx cdk deploy -c name=prod');
  expect(inPlace('lakeferry run', { config: 'lakeferry.yaml' }, env)).toBe('lakeferry run');
});

it.each([
  'lakeferry run orders --local',
  'lakeferry logs orders --deployment other',
  'lakeferry run --help',
  'lakeferry explain retention_gap',
  'The schema lakeferry is there.',
])('%j stays as it is', (text) => {
  expect(inPlace(text, DEPLOYED, {})).toBe(text);
});

it.each([
  'grant insert on "lakeferry.yaml" to "ana"',
  'grant select on main.lakeferry.yaml',
  'Look into old/lakeferry.yaml.',
  'lakeferry.yaml.bak is not read.',
])('%j names another thing than the configuration', (text) => {
  expect(inPlace(text, { config: 'our.yaml' }, {})).toBe(text);
});
