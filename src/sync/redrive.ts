import { SyncError } from '../error/sync-error.ts';
import { decodeMessage } from '../plan/codec.ts';
import type { Chunk } from '../plan/plan.ts';
import type { DeadLetter, DeadLetterQueue, Receipt } from '../queue/queue.ts';
import type { Services } from './services.ts';

/** How long a message is hidden from others while the queue is gone through, and when that is given up at the latest. */
const HIDE_SECONDS = 120;
const SWEEP_MS = 90_000;
/** Time to make messages visible again after the caller's own signal aborted. */
const CLEAN_UP_MS = 5_000;

/** Dead letters of one sync. */
export interface LettersOfSync {
  readonly sync: string;
  readonly messages: number;
  /** Those of the plan that is open in the target: only they change rows. Absent when the target could not be asked. */
  readonly ofOpenPlan?: number;
}

export interface Survey {
  /** By name of the sync. */
  readonly syncs: readonly LettersOfSync[];
  /** Messages that this version of Lakeferry cannot read. */
  readonly unreadable: number;
  /** False when there was more than could be looked at in a minute and a half: the counts are lower bounds then. */
  readonly complete: boolean;
}

export interface Redriven {
  readonly moved: number;
  /** Messages of other syncs, and unreadable ones, which stay. */
  readonly left: number;
  /** False when there was more than could be looked at in a minute and a half. */
  readonly complete: boolean;
}

/**
 * Counts the dead letters. SQS tells no more of a message than whoever receives it can read: each is received, hidden
 * for as long as this takes, and put back. What another consumer holds at this moment is not seen.
 */
export async function surveyDeadLetters(
  services: Pick<Services, 'target' | 'clock'>,
  deadLetters: DeadLetterQueue,
  onProgress: (looked: number) => void,
  signal: AbortSignal,
): Promise<Survey> {
  const rows = await services.target.readRows(signal).catch(() => undefined);
  const counts = new Map<string, { messages: number; ofOpenPlan: number }>();
  let unreadable = 0;
  let looked = 0;
  const complete = await sweep(services, deadLetters, signal, async (letters) => {
    looked += letters.length;
    onProgress(looked);
    for (const letter of letters) {
      const chunk = readChunk(letter);
      if (!chunk) {
        unreadable += 1;
        continue;
      }
      const { sync, id } = chunk.plan;
      const row = rows?.get(sync);
      const { messages, ofOpenPlan } = counts.get(sync) ?? { messages: 0, ofOpenPlan: 0 };
      const isOpen = row?.open === true && row.plan?.id === id;
      counts.set(sync, { messages: messages + 1, ofOpenPlan: ofOpenPlan + (isOpen ? 1 : 0) });
    }
    return [];
  });
  const syncs = [...counts]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([sync, { messages, ofOpenPlan }]) => ({ sync, messages, ...(rows && { ofOpenPlan }) }));
  return { syncs, unreadable, complete };
}

/**
 * Sends the dead letters of one sync to the writers again. SQS' own redrive cannot choose: each message is received,
 * sent to the chunk queue, and only then removed, so that one is never lost. One that is doubled by a failure in
 * between does no harm, as none does that is late: the ledger and the fence tell.
 */
export async function redriveSync(
  services: Pick<Services, 'queue' | 'clock'>,
  deadLetters: DeadLetterQueue,
  sync: string,
  onProgress: (moved: number) => void,
  signal: AbortSignal,
): Promise<Redriven> {
  let moved = 0;
  let left = 0;
  const complete = await sweep(services, deadLetters, signal, async (letters) => {
    const found = letters.flatMap((letter) => {
      const chunk = readChunk(letter);
      return chunk?.plan.sync === sync ? [{ letter, chunk }] : [];
    });
    left += letters.length - found.length;
    if (found.length === 0) return [];
    await services.queue.send(
      found.map(({ chunk }) => chunk),
      signal,
    );
    const receipts = found.map(({ letter }) => letter);
    await deadLetters.remove(receipts, signal);
    moved += found.length;
    onProgress(moved);
    return receipts;
  });
  return { moved, left, complete };
}

/**
 * Receives the visible messages, each once, and puts back at the end what `visit` did not remove; it gives what it
 * removed. True when no message was left to receive.
 */
async function sweep(
  { clock }: Pick<Services, 'clock'>,
  deadLetters: DeadLetterQueue,
  signal: AbortSignal,
  visit: (letters: readonly DeadLetter[]) => Promise<readonly Receipt[]>,
): Promise<boolean> {
  const held = new Map<string, Receipt>();
  const until = clock.now() + SWEEP_MS;
  try {
    while (clock.now() < until) {
      const letters = await deadLetters.receive(HIDE_SECONDS, signal);
      if (letters.length === 0) return true;
      const fresh = letters.filter(({ messageId }) => !held.has(messageId));
      for (const { messageId, receiptHandle } of letters) held.set(messageId, { messageId, receiptHandle });
      for (const { messageId } of await visit(fresh)) held.delete(messageId);
    }
    return false;
  } finally {
    // What fails here is visible again when its time is up.
    await deadLetters.putBack([...held.values()], AbortSignal.timeout(CLEAN_UP_MS)).catch(() => {});
  }
}

/** Undefined for a message that another version wrote, or another program. */
function readChunk({ body }: DeadLetter): Chunk | undefined {
  try {
    return decodeMessage(body);
  } catch (thrown) {
    if (thrown instanceof SyncError && thrown.kind === 'message_invalid') return undefined;
    throw thrown;
  }
}
