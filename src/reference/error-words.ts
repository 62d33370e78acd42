import {
  ERROR_POLICY,
  type ErrorAction,
  type ErrorKind,
  haltRemedyFor,
  isOfCommands,
} from '../error/error-kind.ts';

/** What Lakeferry does by itself, in a word and in a sentence. */
export interface ActionWords {
  readonly word: string;
  readonly sentence: string;
}

const OF_SYNCS: Readonly<Record<ErrorAction, ActionWords>> = {
  retry: {
    word: 'tries again',
    sentence:
      'Tries again by itself: a tick at the next one, a chunk five times with a growing pause, then the sync halts.',
  },
  replan: {
    word: 'plans anew',
    sentence:
      'Drops the plan, looks again and makes another; halts where rows in the target stand in the way.',
  },
  halt: { word: 'halts', sentence: 'Halts the sync until a person acts.' },
  refuse: { word: 'refuses', sentence: 'The command does not start.' },
};

export const ERROR_KINDS = Object.keys(ERROR_POLICY) as readonly ErrorKind[];

const COMMAND_FAILS: ActionWords = {
  word: 'fails',
  sentence: 'The command ends, and may succeed when it is run again. No sync is touched by it.',
};

/** Every way to take an error. */
export const ACTIONS: readonly ActionWords[] = [...Object.values(OF_SYNCS), COMMAND_FAILS];

/** What Lakeferry does about an error of the kind. */
export function actionOf(kind: ErrorKind): ActionWords {
  const { action } = ERROR_POLICY[kind];
  return action === 'retry' && isOfCommands(kind) ? COMMAND_FAILS : OF_SYNCS[action];
}

/** What a person does, as the command line says it of a sync that is halted; `<sync>` stands for its name. */
export function remedyOf(kind: ErrorKind): string {
  return haltRemedyFor(kind, undefined);
}
