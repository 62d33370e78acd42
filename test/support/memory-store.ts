/**
 * One step on the state of a store, as atomic as a statement or a transaction is. It changes nothing but by its
 * result; what it throws leaves the state as it was.
 */
export interface Step<State, Answer> {
  readonly name: string;
  /** False while the step waits for a lock. Absent: it never waits. */
  readonly ready?: (state: State) => boolean;
  readonly run: (state: State) => { readonly state: State; readonly answer: Answer };
}

/** Has a step done when its turn comes. */
export type Perform<State> = <Answer>(step: Step<State, Answer>) => Promise<Answer>;

/** The state of a store; steps are done at once, or when what they wait for is over. */
export class MemoryStore<State> {
  #state: State;
  #changed = Promise.withResolvers<void>();
  #waiting = 0;

  constructor(state: State) {
    this.#state = state;
  }

  get state(): State {
    return this.#state;
  }

  /** Steps that wait. */
  get waiting(): number {
    return this.#waiting;
  }

  /** What somebody else does to the store. */
  change(change: (state: State) => State): void {
    this.#state = change(this.#state);
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  readonly perform: Perform<State> = async ({ ready, run }) => {
    while (ready && !ready(this.#state)) {
      this.#waiting++;
      await this.#changed.promise;
      this.#waiting--;
    }
    const { state, answer } = run(this.#state);
    this.change(() => state);
    return answer;
  };
}
