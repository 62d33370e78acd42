import { startDynamoDb } from '../../../src/local/aws/dynamodb.ts';
import { type LocalService, startSqs } from '../../../src/local/aws/sqs.ts';
import { readDoubleSettings } from '../settings.ts';
import { startMoto } from './moto.ts';

/** Whose DynamoDB and SQS the suite runs against. */
export const { aws: AWS_DOUBLE } = readDoubleSettings();

/** Where a double does what SQS does not, by our tests and AWS' documentation. */
interface SqsQuirks {
  /** A visible message is hidden again by a receipt that has run out. SQS leaves it as it is. */
  readonly hidesByOldReceipt: boolean;
  /** A message may be hidden for 12 hours however long ago it was received. In SQS they count from the receive. */
  readonly forgetsTimeInFlight: boolean;
  /** The message group of a batch's entry on a standard queue is lost. SQS delivers it as an attribute. */
  readonly forgetsGroupOfBatch: boolean;
  /** StartMessageMoveTask is not there. */
  readonly movesNothing: boolean;
}

export const QUIRKS: SqsQuirks = {
  local: {
    hidesByOldReceipt: false,
    forgetsTimeInFlight: true,
    forgetsGroupOfBatch: true,
    movesNothing: false,
  },
  moto: {
    hidesByOldReceipt: true,
    forgetsTimeInFlight: false,
    forgetsGroupOfBatch: false,
    movesNothing: true,
  },
}[AWS_DOUBLE];

export function startSuiteDynamoDb(region: string): Promise<LocalService> {
  return AWS_DOUBLE === 'moto' ? startMoto() : startDynamoDb({ region });
}

export function startSuiteSqs(region: string): Promise<LocalService> {
  return AWS_DOUBLE === 'moto' ? startMoto() : startSqs({ region });
}
