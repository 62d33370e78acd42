import type { buildApp } from 'fauxqs';
import { SyncError } from '../../error/sync-error.ts';

/**
 * The parts of fauxqs 2.4.1 that its package does not export. Its own `startFauxqs` listens on every network
 * interface; with these parts, its application can be put on the loopback interface alone.
 */
export interface FauxqsQueue {
  readonly name: string;
  readonly arn: string;
  readonly attributes: Readonly<Record<string, string>>;
  url: string;
  persistence: FauxqsPersistence;
  dequeue(maxMessages: number, visibilitySeconds: number): FauxqsReceived[];
  deleteMessage(receiptHandle: string): boolean;
  enqueue(message: FauxqsMessage): void;
}

export interface FauxqsReceived {
  readonly ReceiptHandle: string;
  readonly Body: string;
  readonly MessageAttributes?: Readonly<Record<string, unknown>>;
}

/** Made by `createMessage` and handed on unseen. */
export interface FauxqsMessage {
  readonly messageId: string;
}

export interface FauxqsSqsStore {
  host: string;
  region: string;
  persistence: FauxqsPersistence;
  allQueues(): Iterable<FauxqsQueue>;
  getQueueByArn(arn: string): FauxqsQueue | undefined;
}

export interface FauxqsPersistence {
  readonly db: { prepare(sql: string): { run(...values: string[]): unknown } };
  loadSqsAndSns(sqs: FauxqsSqsStore, sns: object): void;
  updateMessageReady(messageId: string): void;
  close(): void;
}

type Stores = NonNullable<NonNullable<Parameters<typeof buildApp>[0]>['stores']>;

export interface FauxqsInternals {
  readonly SqsStore: {
    new (): FauxqsSqsStore;
    createMessage(body: string, attributes: Readonly<Record<string, unknown>>): FauxqsMessage;
  };
  readonly SnsStore: new () => object;
  readonly S3Store: new () => object;
  readonly PersistenceManager: new (directory: string) => FauxqsPersistence;
}

export async function loadFauxqsInternals(): Promise<FauxqsInternals> {
  const entry = import.meta.resolve('fauxqs');
  const files = ['sqs/sqsStore.js', 'sns/snsStore.js', 's3/s3Store.js', 'persistence.js'];
  try {
    const modules = await Promise.all(files.map((file) => import(new URL(file, entry).href)));
    return Object.assign({}, ...modules) as FauxqsInternals;
  } catch (cause) {
    throw new SyncError(
      'local_failed',
      'The local SQS could not be loaded: install exactly the packages of package-lock.json with "npm ci".',
      {},
      { cause },
    );
  }
}

/** Our view of the stores, as fauxqs' public `buildApp` wants them. */
export function asStores(sqsStore: FauxqsSqsStore, snsStore: object, s3Store: object): Stores {
  return { sqsStore, snsStore, s3Store } as unknown as Stores;
}
