import { App, Tags } from 'aws-cdk-lib';
import { CONFIG_FILE, readConfigFile } from '../src/config/config-file.ts';
import { DEFAULT_DEPLOYMENT } from '../src/config/deployment.ts';
import { LakeferryStack } from './lakeferry-stack.ts';

/**
 * `cdk deploy`: one stack from lakeferry.yaml, or from the file that `-c config=…` names. `-c name=prod` names the
 * deployment, so that an account may have several; `-c secrets=create` makes the secrets, empty.
 */
const app = new App();
const context = (key: string, fallback: string) => String(app.node.tryGetContext(key) ?? fallback);
const name = context('name', DEFAULT_DEPLOYMENT);
const config = context('config', CONFIG_FILE);
const { region } = (await readConfigFile(config)).connections.aws;
const stack = new LakeferryStack(app, name === DEFAULT_DEPLOYMENT ? 'Lakeferry' : `Lakeferry-${name}`, {
  name,
  config,
  ...(region === undefined ? {} : { env: { region } }),
  secrets: context('secrets', 'existing') === 'create' ? 'create' : 'existing',
  description: 'Keeps Neon Postgres tables equal to Databricks Delta tables',
});
Tags.of(stack).add('application', 'lakeferry');
app.synth();
