import { startDynamoDb } from '../../../src/local/aws/dynamodb.ts';
import { type LocalService, startSqs } from '../../../src/local/aws/sqs.ts';
import { readDoubleSettings } from '../settings.ts';
import { startMoto } from './moto.ts';

/** Whose DynamoDB and SQS the suite runs against. */
export const { aws: AWS_DOUBLE } = readDoubleSettings();

export function startSuiteDynamoDb(region: string): Promise<LocalService> {
  return AWS_DOUBLE === 'moto' ? startMoto() : startDynamoDb({ region });
}

export function startSuiteSqs(region: string): Promise<LocalService> {
  return AWS_DOUBLE === 'moto' ? startMoto() : startSqs({ region });
}
