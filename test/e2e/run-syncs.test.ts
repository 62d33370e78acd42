import { afterAll, beforeAll, expect, it } from 'vitest';
import { LOCAL_AWS_CREDENTIALS } from '../../src/config/connections.ts';
import { type LocalAws, startAws } from '../../src/local/aws/aws.ts';
import { type AwsResources, ensureResources } from '../../src/local/aws/resources.ts';
import { runSyncs } from '../../src/local/run-syncs.ts';
import { openSqsChunkQueue } from '../../src/queue/sqs/sqs-chunk-queue.ts';
import { openDatabricksSource } from '../../src/source/databricks/databricks-source.ts';
import { driveSyncs, type RunTick } from '../../src/sync/drive-syncs.ts';
import type { Services } from '../../src/sync/services.ts';
import { openPostgresTarget } from '../../src/target/postgres/postgres-target.ts';
import { type Lake, NEVER, startLake } from '../support/lake.ts';
import { aSync } from '../support/syncs.ts';

let lake: Lake;
let aws: LocalAws;
let resources: AwsResources;

beforeAll(async () => {
  [lake, aws] = await Promise.all([startLake(), startAws()]);
  resources = await ensureResources(aws);
});
afterAll(() => Promise.all([lake?.close(), aws?.close()]));

it('reports what it saw itself, and unknown for what it could not ask, never an old number', async () => {
  const source = 'main.default.seen';
  await lake.sql(`create table ${source} (id int) using delta`);
  await lake.sql(`insert into ${source} values (1), (2)`);
  const config = aSync(source, 'public.seen', ['id']);
  const queue = openSqsChunkQueue({
    region: aws.region,
    queueUrl: resources.chunkQueueUrl,
    endpoint: aws.sqs,
    credentials: LOCAL_AWS_CREDENTIALS,
  });
  const run = (over: Partial<Services>) =>
    runSyncs({
      config: { connections: { databricks: {}, neon: {}, aws: {} }, syncs: new Map([[config.name, config]]) },
      services: { ...lake.services, queue, ...over },
      aws: { ...resources, region: aws.region, local: { sqs: aws.sqs, dynamodb: aws.dynamodb } },
      syncs: [config],
      untilIdle: true,
      signal: NEVER,
    });
  const rows = (upserted: bigint) => ({ upserted, deleted: 0n, rejected: 0n });
  const name = config.name;
  expect(await run({})).toEqual([{ sync: name, state: 'idle', through: 1n, source: 1n, rows: rows(2n) }]);

  const away = openDatabricksSource({ ...lake.databricks, port: 1 }, { retryDelaysMs: [] });
  expect(await run({ source: away })).toEqual([
    {
      sync: name,
      state: 'failed',
      through: 1n,
      rows: rows(0n),
      error: expect.objectContaining({ kind: 'source_unavailable' }),
    },
  ]);

  const target = openPostgresTarget({ url: lake.database.url, localProxy: '127.0.0.1:1' });
  expect(await run({ target })).toEqual([
    { sync: name, state: 'failed', error: expect.objectContaining({ kind: 'target_unavailable' }) },
  ]);
  await Promise.all([away.close(), target.close()]);
  queue.close();
});

it('retries rejected rows in a plan of its own, also where one is open that may have refused them before', async () => {
  const config = aSync('main.default.again', 'public.again', ['id']);
  const ticks: RunTick[] = [
    { outcome: 'sent', work: 'retry', opened: false },
    { outcome: 'sent', work: 'retry', opened: true },
    { outcome: 'idle' },
  ];
  const asked: boolean[] = [];
  await driveSyncs(
    { services: lake.services, syncs: [config], untilIdle: true, retryRejected: true, signal: NEVER },
    {
      async tick(_, { retryRejected }) {
        asked.push(retryRejected);
        return ticks.shift() ?? { outcome: 'busy' };
      },
      pollMs: 1,
    },
  );
  expect(asked).toEqual([true, true, false]);
});
