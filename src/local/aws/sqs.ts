import { buildApp } from 'fauxqs';
import { findFreePort } from '../free-port.ts';
import { asStores, type FauxqsPersistence, loadFauxqsInternals } from './fauxqs-internals.ts';
import { type MoveTaskRequest, MoveTasks } from './move-tasks.ts';

export interface LocalService {
  /** `http://127.0.0.1:<port>` */
  readonly endpoint: string;
  close(): Promise<void>;
}

export interface LocalServiceOptions {
  readonly region: string;
  /** State is kept here; in memory when absent. */
  readonly directory?: string;
  readonly port?: number;
}

const HOST = '127.0.0.1';

/** SQS on the loopback interface: fauxqs, with dead-letter redrive added. */
export async function startSqs({ region, directory, port }: LocalServiceOptions): Promise<LocalService> {
  const { SqsStore, SnsStore, S3Store, PersistenceManager } = await loadFauxqsInternals();
  const bound = await findFreePort(port, 'SQS');
  const endpoint = `http://${HOST}:${bound}`;
  const queues = new SqsStore();
  // A queue's URL then names the host that the caller used, which every machine can resolve.
  queues.host = '';
  const topics = new SnsStore();

  const persistence = directory === undefined ? undefined : new PersistenceManager(directory);
  if (persistence !== undefined) {
    keepReceiveCounts(persistence);
    persistence.loadSqsAndSns(queues, topics);
    queues.persistence = persistence;
    for (const queue of queues.allQueues()) {
      queue.persistence = persistence;
      queue.url = endpoint + new URL(queue.url).pathname;
    }
  }

  const app = buildApp({
    logger: false,
    defaultRegion: region,
    stores: asStores(queues, topics, new S3Store()),
  });
  const moveTasks = new MoveTasks(queues, SqsStore.createMessage);
  app.addHook('preHandler', async (request, reply) => {
    const action = String(request.headers['x-amz-target'] ?? '').replace('AmazonSQS.', '');
    const answer = moveTasks.answer(action, (request.body ?? {}) as MoveTaskRequest);
    if (answer === undefined) return;
    await reply.status(answer.status).header('content-type', 'application/x-amz-json-1.0').send(answer.body);
  });
  app.addHook('onClose', async () => persistence?.close());
  await app.listen({ port: bound, host: HOST });
  return { endpoint, close: () => app.close() };
}

/** fauxqs 2.4.1 fails and loses the message when one is returned at once: it clears a column that may not be null. */
function keepReceiveCounts(persistence: FauxqsPersistence): void {
  const statement = persistence.db.prepare(
    'update sqs_messages set receipt_handle = null, visibility_deadline = null where message_id = ?',
  );
  persistence.updateMessageReady = (messageId) => {
    statement.run(messageId);
  };
}
