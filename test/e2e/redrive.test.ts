import { SQSClient, StartMessageMoveTaskCommand } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writerHandler } from '../../lambdas/writer.ts';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import type { SyncConfig } from '../../src/config/sync-config.ts';
import { type LocalAws, startAws } from '../../src/local/aws/aws.ts';
import { type AwsResources, ensureResources } from '../../src/local/aws/resources.ts';
import { pumpQueue } from '../../src/local/queue-pump.ts';
import type { ChunkQueue, DeadLetterQueue } from '../../src/queue/queue.ts';
import { openSqsChunkQueue } from '../../src/queue/sqs/sqs-chunk-queue.ts';
import { SqsDeadLetterQueue } from '../../src/queue/sqs/sqs-dead-letter-queue.ts';
import { planSync } from '../../src/sync/plan-sync.ts';
import { redriveSync, surveyDeadLetters } from '../../src/sync/redrive.ts';
import type { Services } from '../../src/sync/services.ts';
import { errorOf, overriding } from '../support/control.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import { MemoryCheckpoints } from '../support/memory-checkpoints.ts';
import { aSync } from '../support/syncs.ts';

let lake: Lake;
let aws: LocalAws;
let resources: AwsResources;
let sqs: SQSClient;
let queue: ChunkQueue;
let deadLetters: DeadLetterQueue;
/** A target whose connection is lost in the middle of every chunk. */
let losing: Services['target'];
let services: Services;

beforeAll(async () => {
  [lake, aws] = await Promise.all([startLake(), startAws()]);
  resources = await ensureResources(aws);
  const access = { region: aws.region, endpoint: aws.sqs, credentials: LOCAL_AWS_CREDENTIALS };
  sqs = new SQSClient(access);
  const opened = openSqsChunkQueue({ ...access, queueUrl: resources.chunkQueueUrl });
  // Without the waits between attempts.
  queue = overriding<ChunkQueue>(opened, {
    returnAfter: (receiptHandle, _, signal) => opened.returnAfter(receiptHandle, 0, signal),
  });
  const urls = { queueUrl: resources.deadLetterQueueUrl, chunkQueueUrl: resources.chunkQueueUrl };
  deadLetters = new SqsDeadLetterQueue(new SQSClient(access), urls, { receiveSeconds: 0, pollMs: 0 });
  losing = overriding<Services['target']>(lake.services.target, {
    apply: (...args) => {
      lake.database.proxy.faults.dropAtStatement('lakeferry.applied_slices', 'after');
      return lake.services.target.apply(...args);
    },
  });
  services = { ...lake.services, queue, checkpoints: new MemoryCheckpoints() };
});
afterAll(async () => {
  deadLetters?.close();
  queue?.close();
  sqs?.destroy();
  await Promise.all([lake?.close(), aws?.close()]);
});

beforeEach(async () => {
  expect(await deadLetters.readCount(NEVER)).toBe(0);
});

const tick = (config: SyncConfig) => planSync(services, config, { byPerson: true }, NEVER);

/** Lets writers work until the chunk queue is empty. */
async function write(over: Partial<Services> = {}): Promise<void> {
  const stop = new AbortController();
  const config = { connections: { databricks: {}, neon: {}, aws: {} }, syncs: new Map() };
  const pump = pumpQueue({
    aws,
    queueUrl: resources.chunkQueueUrl,
    handler: writerHandler(async () => ({ config, services: { ...services, ...over } })),
    signal: stop.signal,
  });
  await pump.idle();
  stop.abort();
  await pump.stopped;
}

let made = 0;

/** A sync of three rows whose next change lies in the dead-letter queue, since every attempt lost its connection. */
async function aFailedSync(): Promise<SyncConfig> {
  const name = `redrive${made++}`;
  const source = `main.default.${name}`;
  await lake.sql(`create table ${source} (id int, name string) using delta`);
  await lake.sql(`insert into ${source} values (1, 'one'), (2, 'two'), (3, 'three')`);
  const config = aSync(source, `public.${name}`, ['id']);
  await tick(config);
  await write();
  await lake.sql(`update ${source} set name = 'eins' where id = 1`);
  await lake.sql(`delete from ${source} where id = 2`);
  expect(await tick(config)).toMatchObject({ outcome: 'sent', chunks: 1 });
  await write({ target: losing });
  expect((await services.checkpoints.read(name, NEVER)).checkpoint).toMatchObject({
    state: 'halted',
    cause: { kind: 'target_unavailable' },
  });
  return config;
}

const state = async ({ name }: SyncConfig) => (await services.checkpoints.read(name, NEVER)).checkpoint.state;

async function row({ name }: SyncConfig): Promise<Readonly<Record<string, unknown>>> {
  const [found] = await lake.database.query('select * from lakeferry.syncs where sync = $1', [name]);
  return found ?? {};
}

const rowsOf = ({ name }: SyncConfig) => lake.database.query(`select id, name from ${name} order by id`);

async function expectEqual(config: SyncConfig): Promise<void> {
  const source = await lake.sql(`select id, name from main.default.${config.name} order by id`);
  expect(await rowsOf(config)).toEqual(source);
}

const survey = () => surveyDeadLetters(services, deadLetters, () => {}, NEVER);
const redrive = (sync: string, over: Partial<DeadLetterQueue> = {}) =>
  redriveSync(services, overriding<DeadLetterQueue>(deadLetters, over), sync, () => {}, NEVER);

describe('a chunk that failed until it was a dead letter', () => {
  it.each([
    ['all', () => deadLetters.moveAll(() => {}, NEVER)],
    ['its sync', (name: string) => redrive(name)],
    [
      "the console's move task",
      () => sqs.send(new StartMessageMoveTaskCommand({ SourceArn: resources.deadLetterQueueArn })),
    ],
  ])('is applied after a redrive of %s: the plan goes on where it was', async (_, move) => {
    const config = await aFailedSync();
    const { plan_id: planId } = await row(config);
    expect((await survey()).syncs).toEqual([{ sync: config.name, messages: 1, ofOpenPlan: 1 }]);
    await move(config.name);
    await write();
    expect(await state(config)).toBe('idle');
    expect(await row(config)).toMatchObject({ plan_id: planId, open: false, through: '3' });
    await expectEqual(config);
    expect(await deadLetters.readCount(NEVER)).toBe(0);
  });

  it('changes nothing when it comes after its plan was superseded', async () => {
    const config = await aFailedSync();
    await lake.sql(`update main.default.${config.name} set name = 'uno' where id = 1`);
    await lake.sql(`insert into main.default.${config.name} values (2, 'dos')`);
    await tick(config);
    await write();
    await expectEqual(config);
    const [before, rows] = [await row(config), await rowsOf(config)];
    expect((await survey()).syncs).toEqual([{ sync: config.name, messages: 1, ofOpenPlan: 0 }]);
    await deadLetters.moveAll(() => {}, NEVER);
    await write();
    expect(await row(config)).toEqual(before);
    expect(await rowsOf(config)).toEqual(rows);
    expect(await deadLetters.readCount(NEVER)).toBe(0);
  });
});

describe('a redrive of one sync', () => {
  it("leaves the others' messages where they are, and visible", async () => {
    const [one, other] = [await aFailedSync(), await aFailedSync()];
    expect((await survey()).syncs.map(({ sync }) => sync)).toEqual([one.name, other.name].toSorted());
    expect(await redrive(one.name)).toEqual({ moved: 1, left: 1, complete: true });
    await write();
    await expectEqual(one);
    expect(await state(other)).toBe('halted');
    expect(await survey()).toEqual({
      syncs: [{ sync: other.name, messages: 1, ofOpenPlan: 1 }],
      unreadable: 0,
      complete: true,
    });
    expect(await redrive(other.name)).toMatchObject({ moved: 1, left: 0 });
    await write();
    await expectEqual(other);
  });

  it('that dies before it removed a message has doubled it, and the target ends equal', async () => {
    const config = await aFailedSync();
    const dies = () => Promise.reject(new Error('died'));
    await errorOf(redrive(config.name, { remove: dies, putBack: dies }));
    await write();
    await expectEqual(config);
    const before = await row(config);
    await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: resources.deadLetterQueueArn }));
    await write();
    expect(await row(config)).toEqual(before);
  });

  it('puts back what it holds when it is interrupted', async () => {
    const config = await aFailedSync();
    const controller = new AbortController();
    const interrupted = overriding<DeadLetterQueue>(deadLetters, {
      receive: async (...args) => {
        const letters = await deadLetters.receive(...args);
        controller.abort();
        return letters;
      },
    });
    const redriven = redriveSync(services, interrupted, config.name, () => {}, controller.signal);
    expect((await errorOf(redriven)).kind).toBe('cancelled');
    expect(await deadLetters.readCount(NEVER)).toBe(1);
    await redrive(config.name);
    await write();
    await expectEqual(config);
  });
});
