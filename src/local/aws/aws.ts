import path from 'node:path';
import { LOCAL_AWS_CREDENTIALS } from '../../config/connections.ts';
import { startDynamoDb } from './dynamodb.ts';
import { startSqs } from './sqs.ts';

/** How to reach the local services; all that a client needs, from this process or another. */
export interface LocalAwsAccess {
  readonly sqs: string;
  readonly dynamodb: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

export interface LocalAws extends LocalAwsAccess {
  /** Stops both; state that has a directory stays. */
  close(): Promise<void>;
}

export interface AwsOptions {
  /** Queues, messages and tables are kept here and are there again at the next start; in memory when absent. */
  readonly directory?: string;
  readonly ports?: { readonly sqs?: number; readonly dynamodb?: number };
}

export const LOCAL_REGION = 'us-east-1';

/** SQS and DynamoDB on the loopback interface, for the unmodified clients of the AWS SDK. */
export async function startAws({ directory, ports = {} }: AwsOptions = {}): Promise<LocalAws> {
  const sqs = await startSqs(optionsOf('sqs', directory, ports.sqs));
  const dynamodb = await startDynamoDb(optionsOf('dynamodb', directory, ports.dynamodb)).catch(
    async (error) => {
      await sqs.close();
      throw error;
    },
  );
  return {
    sqs: sqs.endpoint,
    dynamodb: dynamodb.endpoint,
    region: LOCAL_REGION,
    credentials: LOCAL_AWS_CREDENTIALS,
    async close() {
      await Promise.all([sqs.close(), dynamodb.close()]);
    },
  };
}

function optionsOf(service: string, directory: string | undefined, port: number | undefined) {
  return {
    region: LOCAL_REGION,
    ...(directory === undefined ? {} : { directory: path.join(directory, service) }),
    ...(port === undefined ? {} : { port }),
  };
}
