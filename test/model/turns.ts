import { SyncError } from '../../src/error/sync-error.ts';
import type { Step } from '../support/memory-store.ts';
import type { Fault } from './bounds.ts';
import type { Call, Joint, Take } from './local-states.ts';
import { type World, withFault } from './world.ts';

/** The calls that a process can make, as the explorer wants them. */
export class Turns {
  readonly #take: Take;

  constructor(take: Take) {
    this.#take = take;
  }

  /** A step on a part of the world. */
  async on<State, Answer>(
    step: Step<State, Answer>,
    part: (world: World) => State,
    put: (world: World, state: State) => World,
    joint: Joint = 'never',
    checkpoint?: Call['checkpoint'],
  ): Promise<Answer> {
    const { name, ready, run } = step;
    const call: Call = {
      name,
      joint,
      ...(checkpoint && { checkpoint }),
      ready: (world) => ready?.(part(world)) ?? true,
      run(world) {
        try {
          const before = part(world);
          const { state, answer } = run(before);
          return [{ world: state === before ? world : put(world, state), answer: { value: answer } }];
        } catch (thrown) {
          if (thrown instanceof SyncError) return [{ world, answer: { error: thrown } }];
          throw thrown;
        }
      },
    };
    return (await this.#take(call)) as Answer;
  }

  /** Somebody decides: each of the options is followed. */
  async choose<Option>(name: string, options: readonly Option[]): Promise<Option> {
    const answer = await this.#decide(name, (world) =>
      options.map((value) => ({ world, answer: { value } })),
    );
    return answer as Option;
  }

  /** Something may go wrong that has not yet: true if it does. */
  async mayFail(fault: Fault): Promise<boolean> {
    const answer = await this.#decide(`FAULT: ${fault}`, (world) => {
      const well = { world, answer: { value: false } };
      if (world.faults.includes(fault)) return [well];
      return [well, { world: withFault(world, fault), answer: { value: true } }];
    });
    return answer as boolean;
  }

  /** Commits matter to nobody before somebody looks, so they happen just then. */
  async mayCommit(newestVersion: number): Promise<void> {
    await this.#decide('versions committed at the source', (world) => {
      const { tableId, latest } = world.source;
      return Array.from({ length: newestVersion - latest + 1 }, (_, more) => ({
        world: more === 0 ? world : { ...world, source: { tableId, latest: latest + more } },
        answer: { value: more },
      }));
    });
  }

  #decide(name: string, run: Call['run']): Promise<unknown> {
    return this.#take({ name, joint: 'always', ready: () => true, run });
  }
}
