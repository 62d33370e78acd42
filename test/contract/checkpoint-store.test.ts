import { randomUUID } from 'node:crypto';
import {
  CreateTableCommand,
  DynamoDBClient,
  type DynamoDBClientConfig,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCommitVersion } from '../../src/change/commit-version.ts';
import type { Checkpoint, CheckpointStore } from '../../src/checkpoint/checkpoint.ts';
import {
  DynamoDbCheckpointStore,
  openDynamoDbCheckpoints,
} from '../../src/checkpoint/dynamodb/dynamodb-checkpoint-store.ts';
import { SyncError } from '../../src/error/sync-error.ts';
import { checkpointTableDefinition } from '../../src/local/aws/resources.ts';
import type { LocalService } from '../../src/local/aws/sqs.ts';
import { AWS_DOUBLE, startSuiteDynamoDb } from '../doubles/aws/services.ts';
import { loseAnswers } from '../support/lost-answers.ts';
import { MemoryCheckpoints } from '../support/memory-checkpoints.ts';
import { aPlan } from '../support/plans.ts';
import { deadEndpoint, startScriptedServer } from '../support/scripted-server.ts';

const REGION = 'eu-central-1';
const TABLE = 'lakeferry-checkpoints';
const credentials = { accessKeyId: 'local', secretAccessKey: 'local' };
const NOW = Date.UTC(2026, 10, 21, 14, 32, 7);
const clock = { now: () => NOW };
const never = new AbortController().signal;

let dynamoDb: LocalService;

beforeAll(async () => {
  dynamoDb = await startSuiteDynamoDb(REGION);
  const client = clientOf();
  await client.send(new CreateTableCommand(checkpointTableDefinition(TABLE)));
  client.destroy();
});

afterAll(() => dynamoDb.close());

function clientOf(config: DynamoDBClientConfig = {}): DynamoDBClient {
  return new DynamoDBClient({ region: REGION, endpoint: dynamoDb.endpoint, credentials, ...config });
}

function storeOf(client: DynamoDBClient, table = TABLE): DynamoDbCheckpointStore {
  return new DynamoDbCheckpointStore(client, { name: table, region: REGION }, clock);
}

/** A name that no other test uses. */
function freshSync(): string {
  return `sync-${randomUUID()}`;
}

async function failureOf(call: Promise<unknown>): Promise<SyncError> {
  const thrown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(SyncError);
  return thrown as SyncError;
}

const version = parseCommitVersion('9007199254740993');
const carried = {
  through: version,
  look: { latest: parseCommitVersion('9223372036854775807'), latestCommittedAt: NOW - 5_000, at: NOW },
};
const cause = { kind: 'retention_gap', message: 'Gone.', remedy: 'Load it anew.', at: NOW } as const;

const EVERY_STATE: readonly Checkpoint[] = [
  { state: 'new' },
  { state: 'idle', ...carried },
  { state: 'planning', claim: 'a claim', leaseUntil: NOW },
  { state: 'planning', claim: 'a claim', leaseUntil: NOW, plan: aPlan(), ...carried },
  { state: 'applying', plan: aPlan(), sentAt: NOW, left: 3, resends: 2, ...carried },
  { state: 'halted', cause },
  { state: 'halted', cause, plan: aPlan({ work: { kind: 'snapshot', version } }), ...carried },
  { state: 'paused', by: 'ana', reason: '', at: NOW },
  {
    state: 'paused',
    by: 'ana',
    reason: '',
    at: NOW,
    cause: { kind: 'retention_gap', message: 'Gone.', remedy: 'Load it anew.', at: NOW },
  },
  { state: 'paused', by: 'ana', reason: 'index build „ü“\n\t', at: 0, plan: aPlan(), ...carried },
];

const implementations: readonly { name: string; open: () => CheckpointStore }[] = [
  {
    name: `DynamoDB (${AWS_DOUBLE})`,
    open: () =>
      openDynamoDbCheckpoints({ region: REGION, table: TABLE, endpoint: dynamoDb.endpoint, credentials }),
  },
  { name: 'memory', open: () => new MemoryCheckpoints() },
];

describe.each(implementations)('a checkpoint store in $name', ({ open }) => {
  let store: CheckpointStore;
  beforeAll(() => {
    store = open();
  });
  afterAll(() => store.close());

  it('reads a sync that was never written as new, without a revision', async () => {
    expect(await store.read(freshSync(), never)).toEqual({
      checkpoint: { state: 'new' },
      revision: undefined,
    });
  });

  it.each(EVERY_STATE)('gives back a checkpoint in state $state as it was written', async (checkpoint) => {
    const sync = freshSync();
    const written = await store.write(sync, checkpoint, undefined, never);
    expect(written).toEqual({ outcome: 'written', revision: expect.any(String) });
    const { revision } = written as { revision: string };
    expect(await store.read(sync, never)).toStrictEqual({ checkpoint, revision });
  });

  it('replaces a checkpoint as a whole', async () => {
    const sync = freshSync();
    const first = await store.write(sync, EVERY_STATE[4] as Checkpoint, undefined, never);
    const { revision } = first as { revision: string };
    await store.write(sync, { state: 'idle' }, revision, never);
    expect((await store.read(sync, never)).checkpoint).toStrictEqual({ state: 'idle' });
  });

  it('brings a new revision with every write', async () => {
    const sync = freshSync();
    const revisions = new Set<string | undefined>([undefined]);
    for (let write = 1; write <= 3; write++) {
      const written = await store.write(sync, { state: 'idle' }, [...revisions].at(-1), never);
      revisions.add((written as { revision: string }).revision);
    }
    expect(revisions.size).toBe(4);
  });

  it('refuses a write under a revision that is not the stored one and changes nothing', async () => {
    const sync = freshSync();
    const first = await store.write(sync, { state: 'idle' }, undefined, never);
    const { revision } = first as { revision: string };
    const halted: Checkpoint = { state: 'halted', cause };
    expect(await store.write(sync, halted, randomUUID(), never)).toEqual({ outcome: 'conflict' });
    expect(await store.write(sync, halted, undefined, never)).toEqual({ outcome: 'conflict' });
    expect(await store.read(sync, never)).toEqual({ checkpoint: { state: 'idle' }, revision });
  });

  it('refuses a write under a revision when nothing is stored', async () => {
    const sync = freshSync();
    expect(await store.write(sync, { state: 'idle' }, randomUUID(), never)).toEqual({ outcome: 'conflict' });
    expect((await store.read(sync, never)).revision).toBeUndefined();
  });

  it.each(['first', 'later'])('lets one of many writers at once win the %s write', async (which) => {
    const sync = freshSync();
    let ifRevision: string | undefined;
    if (which === 'later') {
      const written = await store.write(sync, { state: 'idle' }, undefined, never);
      ifRevision = (written as { revision: string }).revision;
    }
    const outcomes = await Promise.all(
      ['a', 'b', 'c', 'd', 'e'].map(async (claim) => ({
        claim,
        ...(await store.write(sync, { state: 'planning', claim, leaseUntil: 1 }, ifRevision, never)),
      })),
    );
    const won = outcomes.filter(({ outcome }) => outcome === 'written');
    expect(won).toHaveLength(1);
    expect((await store.read(sync, never)).checkpoint).toMatchObject({ claim: won[0]?.claim });
  });

  it('shares no object with its callers', async () => {
    const sync = freshSync();
    const plan = structuredClone(aPlan());
    await store.write(sync, { state: 'applying', plan, sentAt: 1, left: 3, resends: 0 }, undefined, never);
    (plan as { slices: number }).slices = 99;
    const first = await store.read(sync, never);
    expect(first.checkpoint).toMatchObject({ plan: { slices: 3 } });
    (first.checkpoint as { sentAt: number }).sentAt = 99;
    expect((await store.read(sync, never)).checkpoint).toMatchObject({ sentAt: 1 });
  });

  it('names the setting when a plan is too large for one item, and writes nothing', async () => {
    const sync = freshSync();
    const columns = Array.from({ length: 5_000 }, (_, n) => ({
      source: `a_column_with_a_long_name_${n}`,
      target: `a_column_with_a_long_name_${n}`,
      sourceType: 'string',
      targetType: 'text',
    }));
    const plan = aPlan({ sync, mapping: { ...aPlan().mapping, columns } });
    const error = await failureOf(
      store.write(sync, { state: 'planning', claim: 'c', leaseUntil: 1, plan }, undefined, never),
    );
    expect(error.kind).toBe('config_invalid');
    expect(error.message).toContain(`syncs.${sync}.columns`);
    expect((await store.read(sync, never)).revision).toBeUndefined();
  });

  it('has no progress of a plan before the first report', async () => {
    expect(await store.readProgress(randomUUID(), never)).toEqual({ done: new Set(), failures: new Map() });
  });

  it('adds done slices as a set, from many writers at once', async () => {
    const planId = randomUUID();
    await Promise.all([0, 1, 2, 2, 499, 1].map((slice) => store.addDone(planId, slice, never)));
    expect((await store.readProgress(planId, never)).done).toEqual(new Set([0, 1, 2, 499]));
  });

  it('keeps the last failure of each slice beside what is done', async () => {
    const planId = randomUUID();
    const failure = { kind: 'target_busy', message: 'A lock was held.', attempt: 1, at: NOW } as const;
    await store.addDone(planId, 0, never);
    await Promise.all([1, 10, 2].map((slice) => store.recordFailure(planId, slice, failure, never)));
    await store.recordFailure(planId, 2, { ...failure, kind: 'target_unavailable', attempt: 2 }, never);
    expect(await store.readProgress(planId, never)).toEqual({
      done: new Set([0]),
      failures: new Map([
        [1, failure],
        [10, failure],
        [2, { ...failure, kind: 'target_unavailable', attempt: 2 }],
      ]),
    });
  });

  it('cuts a failure message at 500 characters', async () => {
    const planId = randomUUID();
    const failure = { kind: 'internal', message: 'x'.repeat(501), attempt: 1, at: NOW } as const;
    await store.recordFailure(planId, 0, failure, never);
    const stored = (await store.readProgress(planId, never)).failures.get(0);
    expect(stored?.message).toBe(`${'x'.repeat(499)}…`);
  });

  it('keeps plans apart', async () => {
    const planId = randomUUID();
    await store.addDone(planId, 1, never);
    expect((await store.readProgress(randomUUID(), never)).done).toEqual(new Set());
  });

  it('does nothing under a signal that has aborted', async () => {
    const aborted = AbortSignal.abort();
    const sync = freshSync();
    const planId = randomUUID();
    const failure = { kind: 'internal', message: 'm', attempt: 1, at: NOW } as const;
    const calls = [
      store.read(sync, aborted),
      store.write(sync, { state: 'idle' }, undefined, aborted),
      store.addDone(planId, 0, aborted),
      store.recordFailure(planId, 0, failure, aborted),
      store.readProgress(planId, aborted),
    ];
    for (const call of calls) expect((await failureOf(call)).kind).toBe('cancelled');
    expect((await store.read(sync, never)).revision).toBeUndefined();
    expect(await store.readProgress(planId, never)).toEqual({ done: new Set(), failures: new Map() });
  });
});

describe('the DynamoDB checkpoint store', () => {
  it.each(['first', 'later'])('knows its own %s write when the answer was lost', async (which) => {
    const client = clientOf();
    const store = storeOf(client);
    const sync = freshSync();
    let ifRevision: string | undefined;
    if (which === 'later') {
      const written = await store.write(sync, { state: 'idle' }, undefined, never);
      ifRevision = (written as { revision: string }).revision;
    }
    const lost = loseAnswers(client, 1);
    const written = await store.write(
      sync,
      { state: 'planning', claim: 'c', leaseUntil: 1 },
      ifRevision,
      never,
    );
    expect(lost()).toBe(1);
    expect(written.outcome).toBe('written');
    expect((await store.read(sync, never)).revision).toBe((written as { revision: string }).revision);
    store.close();
  });

  it('reports a conflict when another writer was first and the answer to ours was lost', async () => {
    const client = clientOf();
    const store = storeOf(client);
    const sync = freshSync();
    await store.write(sync, { state: 'idle' }, undefined, never);
    const lost = loseAnswers(client, 1);
    expect(await store.write(sync, { state: 'idle' }, randomUUID(), never)).toEqual({ outcome: 'conflict' });
    expect(lost()).toBe(1);
    store.close();
  });

  it('stores a checkpoint as attributes that a person can read', async () => {
    const client = clientOf();
    const store = storeOf(client);
    const sync = freshSync();
    const plan = aPlan({ sync });
    await store.write(
      sync,
      { state: 'applying', plan, sentAt: NOW, left: 3, resends: 1, ...carried },
      undefined,
      never,
    );
    const { Item } = await client.send(
      new GetItemCommand({ TableName: TABLE, Key: { pk: { S: `sync#${sync}` } } }),
    );
    expect(Item).toEqual({
      pk: { S: `sync#${sync}` },
      revision: { S: expect.any(String) },
      state: { S: 'applying' },
      sentAt: { N: String(NOW) },
      left: { N: '3' },
      resends: { N: '1' },
      plan: { S: expect.stringContaining(plan.id) },
      through: { S: '9007199254740993' },
      look: {
        M: {
          latest: { S: '9223372036854775807' },
          latestCommittedAt: { N: String(NOW - 5_000) },
          at: { N: String(NOW) },
        },
      },
    });
    store.close();
  });

  it('lets progress expire 30 days after its last write', async () => {
    const client = clientOf();
    const store = storeOf(client);
    const expected = { N: String(Date.UTC(2026, 11, 21, 14, 32, 7) / 1000) };
    const failure = { kind: 'internal', message: 'm', attempt: 1, at: NOW } as const;
    const [done, failed] = [randomUUID(), randomUUID()];
    await store.addDone(done, 0, never);
    await store.recordFailure(failed, 0, failure, never);
    for (const planId of [done, failed]) {
      const { Item } = await client.send(
        new GetItemCommand({ TableName: TABLE, Key: { pk: { S: `plan#${planId}` } } }),
      );
      expect(Item?.['expiresAt']).toEqual(expected);
    }
    store.close();
  });

  it.each([
    ['state', { state: { S: 'dreaming' }, revision: { S: 'r' } }],
    ['revision', { state: { S: 'idle' } }],
    ['through', { state: { S: 'idle' }, revision: { S: 'r' }, through: { S: '1.5' } }],
    ['plan', { state: { S: 'halted' }, revision: { S: 'r' }, plan: { S: '{"v":2}' } }],
  ])('names the place when the stored %s is not of its form', async (place, attributes) => {
    const client = clientOf();
    const store = storeOf(client);
    const sync = freshSync();
    await client.send(
      new PutItemCommand({ TableName: TABLE, Item: { pk: { S: `sync#${sync}` }, ...attributes } }),
    );
    const error = await failureOf(store.read(sync, never));
    expect(error.kind).toBe('checkpoint_unavailable');
    expect(error.message).toContain(`sync#${sync}`);
    expect(error.message).toMatch(new RegExp(`at .*\\b${place}\\b`));
    store.close();
  });

  it('reads a halt of a kind that only a newer version knows', async () => {
    const client = clientOf();
    const store = storeOf(client);
    const sync = freshSync();
    const unknown = { kind: { S: 'moon_phase' }, message: { S: 'M.' }, remedy: { S: 'R.' }, at: { N: '1' } };
    await client.send(
      new PutItemCommand({
        TableName: TABLE,
        Item: {
          pk: { S: `sync#${sync}` },
          revision: { S: 'r' },
          state: { S: 'halted' },
          cause: { M: unknown },
        },
      }),
    );
    expect((await store.read(sync, never)).checkpoint).toEqual({
      state: 'halted',
      cause: { kind: 'internal', message: 'M.', remedy: 'R.', at: 1 },
    });
    store.close();
  });

  it('names the table and the region when the table is missing', async () => {
    const store = storeOf(clientOf(), 'no-such-table');
    const error = await failureOf(store.read('orders', never));
    expect(error.kind).toBe('checkpoint_unavailable');
    expect(error.message).toContain('"no-such-table" does not exist in region eu-central-1');
    expect(error.fields).toMatchObject({ sync: 'orders', code: 'ResourceNotFoundException' });
    store.close();
  });

  it('says that DynamoDB could not be reached when nobody listens', async () => {
    const store = openDynamoDbCheckpoints({
      region: REGION,
      table: TABLE,
      endpoint: await deadEndpoint(),
      credentials,
    });
    const error = await failureOf(store.write('orders', { state: 'idle' }, undefined, never));
    expect(error.kind).toBe('checkpoint_unavailable');
    expect(error.message).toContain('could not be reached');
    expect(error.fields).toMatchObject({ code: 'ECONNREFUSED' });
    store.close();
  });

  it.each([
    ['AccessDeniedException', 400, 'dynamodb:GetItem, dynamodb:PutItem and dynamodb:UpdateItem'],
    ['UnrecognizedClientException', 400, 'does not accept the credentials'],
    ['ThrottlingException', 400, 'throttles'],
    ['ProvisionedThroughputExceededException', 400, 'throttles'],
    ['InternalServerError', 500, 'DynamoDB failed'],
    ['ValidationException', 400, 'DynamoDB refused a call'],
  ])('tells %s apart from other failures', async (code, status, sentence) => {
    const secret = 'User: arn:aws:iam::1:user/x is not authorized';
    const scripted = await startScriptedServer(() => ({
      status,
      body: JSON.stringify({ __type: `com.amazon.coral.service#${code}`, message: secret }),
    }));
    const store = storeOf(clientOf({ endpoint: scripted.endpoint, maxAttempts: 1 }));
    const error = await failureOf(store.addDone(randomUUID(), 7, never));
    expect(error.kind).toBe('checkpoint_unavailable');
    expect(error.message).toContain(sentence);
    expect(error.message).not.toContain('arn:');
    expect(error.fields).toMatchObject({ slice: 7, code, httpStatus: status, table: TABLE });
    store.close();
    await scripted.close();
  });

  it('ends a call that is under way when the signal aborts', async () => {
    const scripted = await startScriptedServer(() => 'hold');
    const store = storeOf(clientOf({ endpoint: scripted.endpoint }));
    const controller = new AbortController();
    const underWay = scripted.nextRequest();
    const call = failureOf(store.read('orders', controller.signal));
    await underWay;
    controller.abort();
    expect((await call).kind).toBe('cancelled');
    store.close();
    await scripted.close();
  });

  it('asks for strongly consistent reads', async () => {
    const scripted = await startScriptedServer(() => ({ status: 200, body: '{}' }));
    const store = storeOf(clientOf({ endpoint: scripted.endpoint }));
    await store.read('orders', never);
    await store.readProgress(randomUUID(), never);
    expect(scripted.requests.map((body) => JSON.parse(body).ConsistentRead)).toEqual([true, true]);
    store.close();
    await scripted.close();
  });
});
