import { CfnOutput, Stack, type StackProps } from 'aws-cdk-lib';
import type { Construct } from 'constructs';
import { DEFAULT_DEPLOYMENT } from '../src/config/deployment.ts';
import { Lakeferry, type LakeferryProps } from './lakeferry.ts';

export interface LakeferryStackProps extends StackProps, LakeferryProps {}

/** A stack of one deployment. Its outputs bear the names of what the SSM parameter tells. */
export class LakeferryStack extends Stack {
  constructor(scope: Construct, id: string, props: LakeferryStackProps) {
    super(scope, id, props);
    const { deployment, parameter } = new Lakeferry(this, 'Sync', { name: DEFAULT_DEPLOYMENT, ...props });
    const { checkpointTable, chunkQueueUrl, deadLetterQueueUrl, plannerFunction, writerFunction } =
      deployment;
    const outputs = {
      DeploymentParameter: parameter.parameterName,
      CheckpointTable: checkpointTable,
      ChunkQueueUrl: chunkQueueUrl,
      DeadLetterQueueUrl: deadLetterQueueUrl,
      PlannerFunction: plannerFunction,
      WriterFunction: writerFunction,
      AlarmTopicArn: deployment.alarmTopicArn,
      DashboardName: deployment.dashboard,
      ConfigDigest: deployment.configDigest,
    };
    for (const [output, value] of Object.entries(outputs)) new CfnOutput(this, output, { value });
  }
}
