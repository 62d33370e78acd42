import { asSyncError, type SyncError } from '../../src/error/sync-error.ts';
import type { Interner } from './intern.ts';
import { numberUuids } from './uuids.ts';
import type { World } from './world.ts';

/** What a call gave to the process that made it. */
export type Answer = { readonly value: unknown } | { readonly error: SyncError };

export interface Outcome {
  readonly world: World;
  readonly answer: Answer;
}

export type Joint = 'never' | 'step' | 'always';

/** A call of a service, at which a process stands until its turn comes. */
export interface Call {
  readonly name: string;
  /** Whether the process makes its next call in the same turn: never, in the coarse grain, or always. */
  readonly joint: Joint;
  /** A read of the checkpoint, or a write of it with this content; '' when the write leaves it as it was read. */
  readonly checkpoint?: 'read' | { readonly content: string; readonly planId?: string | undefined };
  /** False while it waits for a lock. */
  ready(world: World): boolean;
  /** What may come of it, more than one thing where somebody may decide this way or that. */
  run(world: World): readonly Outcome[];
}

/** Makes the call when the turn comes. */
export type Take = (call: Call) => Promise<unknown>;

/** How a process begins. Processes of equal labels are equal. */
export interface Start {
  readonly label: string;
  /** Gives the words for how it ended. */
  readonly body: (take: Take) => Promise<string>;
}

/** Where a process stands: how it began and every answer that it got decide that. */
export interface LocalState {
  readonly number: number;
  readonly start: Start;
  readonly answers: readonly Answer[];
  readonly before?: LocalState;
  readonly at: { readonly call: Call } | { readonly ended: string } | { readonly failed: SyncError };
  readonly next: Map<string, LocalState>;
}

/**
 * The local states of all processes, as a tree by answers. A process that runs cannot be copied; so it is run again
 * from its beginning with the answers that it got, once for each local state, and never to do it once more.
 */
export class LocalStates {
  readonly #interner: Interner;
  readonly #forgets: boolean;
  readonly #uuids = numberUuids();
  readonly #all: LocalState[] = [];
  readonly #starts = new Map<string, LocalState>();

  /** `forgets`: processes that can only go on alike are taken for equal; see `forgotten`. */
  constructor(interner: Interner, forgets: boolean) {
    this.#interner = interner;
    this.#forgets = forgets;
  }

  get count(): number {
    return this.#all.length;
  }

  get(number: number): LocalState {
    const found = this.#all[number];
    if (!found) throw new Error(`there is no local state ${number}`);
    return found;
  }

  async begin(start: Start): Promise<LocalState> {
    const known = this.#starts.get(start.label);
    if (known) return known;
    const made = await this.#make(start, []);
    this.#starts.set(start.label, made);
    return made;
  }

  /** The local state after the answer. */
  after(local: LocalState, answer: Answer): LocalState | Promise<LocalState> {
    const { from, key } = (this.#forgets && forgotten(local, answer)) || {
      from: local,
      key:
        'error' in answer
          ? `${answer.error.kind}: ${answer.error.message}`
          : this.#interner.textOf(answer.value),
    };
    return from.next.get(key) ?? this.#grow(local, answer, from, key);
  }

  close(): void {
    this.#uuids.end();
  }

  async #grow(local: LocalState, answer: Answer, from: LocalState, key: string): Promise<LocalState> {
    const made = await this.#make(local.start, [...local.answers, answer], local);
    from.next.set(key, made);
    return made;
  }

  async #make(start: Start, answers: readonly Answer[], before?: LocalState): Promise<LocalState> {
    const at = await this.#uuids.during(start.label, () => run(start, answers));
    const made = {
      number: this.#all.length,
      start,
      answers,
      ...(before && { before }),
      at,
      next: new Map(),
    };
    this.#all.push(made);
    return made;
  }
}

/**
 * `advance` forgets what it read once it has written: what it gives back is what it wrote, and of a mere look nobody
 * takes that. Of the read that a tick begins with, nothing is kept once it has claimed; and of all that led to a plan,
 * once it is committed, only the plan and how often one was made. So those that wrote the same stand in one place,
 * however they came there.
 */
function forgotten(
  written: LocalState,
  answer: Answer,
): { readonly from: LocalState; readonly key: string } | undefined {
  const write = callOf(written)?.checkpoint;
  const isWritten = 'value' in answer && isRecord(answer.value) && answer.value['outcome'] === 'written';
  if (typeof write !== 'object' || !isWritten || !written.before) return undefined;
  const from = written.before;
  const beginning = beginningOf(written);
  if (callOf(beginning)?.checkpoint !== 'read') return { from, key: `wrote ${write.content}` };
  const attempts = callsOf(written).filter(({ name }) => name === 'migrate').length;
  const isOwnPlan = write.content !== '' && write.planId?.startsWith(`${written.start.label}-`);
  const isClaim = from.before === beginning;
  return {
    from: isClaim || isOwnPlan ? beginning : from,
    key: `wrote ${write.content} at attempt ${attempts}`,
  };
}

function callsOf(local: LocalState): readonly Call[] {
  const calls: Call[] = [];
  for (let at: LocalState | undefined = local; at; at = at.before) {
    const call = callOf(at);
    if (call) calls.push(call);
  }
  return calls;
}

function beginningOf(local: LocalState): LocalState {
  let beginning = local;
  while (beginning.before) beginning = beginning.before;
  return beginning;
}

function callOf({ at }: LocalState): Call | undefined {
  return 'call' in at ? at.call : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

async function run({ body }: Start, answers: readonly Answer[]): Promise<LocalState['at']> {
  const reached = Promise.withResolvers<LocalState['at']>();
  let made = 0;
  const take: Take = (call) => {
    const answer = answers[made++];
    if (answer === undefined) {
      reached.resolve({ call });
      return Promise.withResolvers<never>().promise;
    }
    return 'error' in answer ? Promise.reject(answer.error) : Promise.resolve(answer.value);
  };
  const ended = body(take).then(
    (words) => ({ ended: words }),
    (thrown: unknown) => ({ failed: asSyncError(thrown) }),
  );
  const at = await Promise.race([reached.promise, ended]);
  if (made > answers.length + 1) throw new Error('a process made two calls at once');
  return at;
}
