import type { Checkpoint } from '../../src/checkpoint/checkpoint.ts';
import { compose, composeDeadLetters } from '../../src/compose.ts';
import { operateSync } from '../../src/sync/operate-sync.ts';
import { redriveSync } from '../../src/sync/redrive.ts';
import { systemClock } from '../../src/telemetry/clock.ts';
import { silentLog } from '../../src/telemetry/log.ts';
import { noMetrics } from '../../src/telemetry/metrics.ts';
import type { FaultyStack } from '../support/faulty-stack.ts';
import type { Counts } from './counts.ts';
import type { Functions } from './functions.ts';
import type { Random } from './random.ts';
import type { SoakSync } from './soak-sync.ts';

const NEVER = new AbortController().signal;

/** What a person does: pauses and resumes, lets a halted sync go on, redrives dead letters. No fault is in the way. */
export function openOperator(stack: FaultyStack, functions: Functions, counts: Counts) {
  const { aws, resources } = stack;
  const connections = {
    ...stack.connections,
    aws: {
      region: aws.region,
      checkpointTable: resources.checkpointTable,
      chunkQueueUrl: resources.chunkQueueUrl,
      deadLetterQueueUrl: resources.deadLetterQueueUrl,
      local: { sqs: aws.sqs, dynamodb: aws.dynamodb },
    },
  };
  const services = compose(connections, { clock: systemClock, log: silentLog, metrics: noMetrics });
  const deadLetters = composeDeadLetters(connections.aws);

  async function read({ config }: SoakSync): Promise<Checkpoint> {
    return (await services.checkpoints.read(config.name, NEVER)).checkpoint;
  }

  async function operate({ config }: SoakSync, event: Parameters<typeof operateSync>[2]): Promise<void> {
    const { changed } = await operateSync(services, config.name, event, { dryRun: false }, NEVER);
    if (changed) counts.fault(`operator: ${event.type}`);
  }

  return {
    read,
    resume: (sync: SoakSync) => operate(sync, { type: 'resume' }),
    countDeadLetters: () => deadLetters.readCount(NEVER),
    redriveAll: () => deadLetters.moveAll(() => {}, NEVER),

    /** A look at one sync, and what it asks for. */
    async lookAfter(sync: SoakSync, random: Random): Promise<void> {
      const { state } = await read(sync);
      switch (state) {
        case 'paused':
          await operate(sync, { type: 'resume' });
          return;
        case 'halted':
          counts.fault('operator: run after a halt');
          if (random.chance(0.5)) await redriveSync(services, deadLetters, sync.config.name, () => {}, NEVER);
          await functions.tick(sync.config.name, true);
          return;
        case 'new':
        case 'idle':
        case 'planning':
        case 'applying':
          if (random.chance(0.1)) {
            await operate(sync, { type: 'pause', by: 'the soak', reason: 'at random', now: Date.now() });
          }
          return;
        default:
          state satisfies never;
      }
    },

    async close(): Promise<void> {
      deadLetters.close();
      await services.close();
    },
  };
}

export type Operator = ReturnType<typeof openOperator>;
