import { App, Tags } from 'aws-cdk-lib';
import { CONFIG_FILE, readConfigFile } from '../src/config/config-file.ts';
import { LakeferryStack } from './lakeferry-stack.ts';

/** `cdk deploy`: one stack from lakeferry.yaml, or from the file that `-c config=…` names. */
const app = new App();
const configPath = String(app.node.tryGetContext('config') ?? CONFIG_FILE);
const stack = new LakeferryStack(app, 'Lakeferry', {
  config: await readConfigFile(configPath),
  configPath,
});
Tags.of(stack).add('application', 'lakeferry');
app.synth();
