import { configDigest, type Deployment } from '../config/deployment.ts';
import type { CliIo } from './io.ts';

/** Says on stderr that the functions work by another configuration than the command, where they do. */
export function noteOtherConfig(
  { configDigest: deployed }: Pick<Deployment, 'configDigest'>,
  configText: string,
  fileName: string,
  { stderr }: Pick<CliIo, 'stderr'>,
): void {
  if (deployed === configDigest(configText)) return;
  stderr.write(`! What is deployed was made from another ${fileName} than this one: npx cdk deploy\n`);
}
