import type { Checkpoint, CheckpointStore } from '../../src/checkpoint/checkpoint.ts';
import type { Chunk } from '../../src/plan/plan.ts';
import type { ChunkQueue } from '../../src/queue/queue.ts';
import type { Step } from '../support/memory-store.ts';
import type { Rules } from './bounds.ts';
import type { Interner } from './intern.ts';
import type { Call, Joint } from './local-states.ts';
import type { Turns } from './turns.ts';
import type { Checkpoints, World } from './world.ts';

/**
 * A revision is the content itself: who reads and writes under it decides by the content alone, so that a write
 * under an equal one that was written meanwhile decides nothing else.
 */
export function checkpointsOf(turns: Turns, { reconcile }: Rules, interner: Interner): CheckpointStore {
  const on = <Answer>(
    joint: Joint,
    step: Step<Checkpoints, Answer>,
    checkpoint?: Call['checkpoint'],
  ): Promise<Answer> =>
    turns.on(
      step,
      (world) => world.checkpoints,
      (world, checkpoints) => ({ ...world, checkpoints }),
      joint,
      checkpoint,
    );
  const revisionOf = (checkpoint: Checkpoint | undefined) =>
    checkpoint && String(interner.numberOf(checkpoint));
  return {
    async read() {
      const stored = await on<Checkpoint | undefined>(
        'step',
        { name: 'read the checkpoint', run: (state) => ({ state, answer: state.checkpoint }) },
        'read',
      );
      return { checkpoint: stored ?? { state: 'new' }, revision: revisionOf(stored) };
    },
    write(_sync, { look: _look, pace: _pace, through, ...state }, ifRevision) {
      const checkpoint: Checkpoint = reconcile || through === undefined ? state : { ...state, through };
      const revision = String(interner.numberOf(checkpoint));
      const same = revision === ifRevision;
      return on<Awaited<ReturnType<CheckpointStore['write']>>>(
        same ? 'step' : 'never',
        {
          name: `write the checkpoint: ${checkpoint.state}`,
          run(state) {
            if (revisionOf(state.checkpoint) !== ifRevision)
              return { state, answer: { outcome: 'conflict' } };
            return {
              state: same ? state : { ...state, checkpoint },
              answer: { outcome: 'written', revision },
            };
          },
        },
        { content: same ? '' : revision, ...('plan' in checkpoint && { planId: checkpoint.plan?.id }) },
      );
    },
    addDone: (planId, slice) =>
      on('step', {
        name: `note slice ${slice} as done`,
        run(state) {
          const done = state.done[planId] ?? [];
          if (done.includes(slice)) return { state, answer: undefined };
          return {
            state: { ...state, done: { ...state.done, [planId]: [...done, slice].sort() } },
            answer: undefined,
          };
        },
      }),
    async recordFailure() {},
    async readProgress(planId) {
      const done = await on<readonly number[]>('step', {
        name: 'read the progress',
        run: (state) => ({ state, answer: state.done[planId] ?? [] }),
      });
      return { done: new Set(done), failures: new Map() };
    },
    close() {},
  };
}

export function queueOf(turns: Turns, interner: Interner): ChunkQueue {
  return {
    send: (chunks) =>
      turns.on<World['sent'], void>(
        {
          name: `send ${chunks.length} chunks`,
          run(sent) {
            const known = new Set(sent.map((chunk) => interner.numberOf(chunk)));
            const added = chunks.filter((chunk) => !known.has(interner.numberOf(chunk)));
            const all = [...sent, ...added].sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
            return { state: added.length === 0 ? sent : all, answer: undefined };
          },
        },
        ({ sent }) => sent,
        (world, sent) => ({ ...world, sent }),
      ),
    async returnAfter() {},
    close() {},
  };
}

function nameOf({ plan, slice, of }: Chunk): string {
  return `${plan.id}/${of}/${slice}`;
}
