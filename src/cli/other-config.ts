import { configDigest, type Deployment } from '../config/deployment.ts';
import { inPlace } from './in-place.ts';
import type { CliIo } from './io.ts';
import type { RuntimeFlags } from './runtime.ts';

/** Says on stderr that the functions work by another configuration than the command, where they do. */
export function noteOtherConfig(
  { configDigest: deployed }: Pick<Deployment, 'configDigest'>,
  configText: string,
  flags: RuntimeFlags,
  { stderr, env }: Pick<CliIo, 'stderr' | 'env'>,
): void {
  if (deployed === configDigest(configText)) return;
  const deploy = inPlace('npx cdk deploy', flags, env);
  stderr.write(`! What is deployed was made from another ${flags.config} than this one: ${deploy}\n`);
}
