import { Duration, Stack } from 'aws-cdk-lib';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { type CfnQueue, Queue, QueueEncryption } from 'aws-cdk-lib/aws-sqs';
import { Construct } from 'constructs';
import { MAX_RECEIVES, WRITER_TIMEOUT } from './limits.ts';

export interface ChunkQueueProps {
  /** Name of the deployment. */
  readonly name: string;
  readonly encryptionKey?: IKey | undefined;
}

/** Chunks on their way to the writers, and those that failed for good, which wait for a redrive. */
export class ChunkQueue extends Construct {
  readonly queue: Queue;
  readonly deadLetters: Queue;

  constructor(scope: Construct, id: string, { name, encryptionKey }: ChunkQueueProps) {
    super(scope, id);
    const encryption = encryptionKey
      ? { encryption: QueueEncryption.KMS, encryptionMasterKey: encryptionKey }
      : { encryption: QueueEncryption.SQS_MANAGED };
    const queueName = `${name}-chunks`;
    this.deadLetters = new Queue(this, 'DeadLetters', {
      queueName: `${queueName}-dead`,
      retentionPeriod: Duration.days(14),
      enforceSSL: true,
      ...encryption,
    });
    this.queue = new Queue(this, 'Queue', {
      queueName,
      // AWS asks for six times the function's timeout.
      visibilityTimeout: Duration.seconds(6 * WRITER_TIMEOUT.toSeconds()),
      retentionPeriod: Duration.days(4),
      enforceSSL: true,
      deadLetterQueue: { queue: this.deadLetters, maxReceiveCount: MAX_RECEIVES },
      ...encryption,
    });
    // By its name: the queues would refer to each other otherwise, and CloudFormation could make neither.
    const sourceArn = Stack.of(this).formatArn({ service: 'sqs', resource: queueName });
    (this.deadLetters.node.defaultChild as CfnQueue).redriveAllowPolicy = {
      redrivePermission: 'byQueue',
      sourceQueueArns: [sourceArn],
    };
  }
}
