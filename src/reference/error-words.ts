import { ERROR_POLICY, type ErrorAction, type ErrorKind, haltRemedyFor } from '../error/error-kind.ts';

/** What Lakeferry does about an error by itself, in a word and in a sentence. */
export const ACTIONS: Readonly<Record<ErrorAction, { readonly word: string; readonly sentence: string }>> = {
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

export function actionOf(kind: ErrorKind): ErrorAction {
  return ERROR_POLICY[kind].action;
}

/** What a person does, as the command line says it of a sync that is halted; `<sync>` stands for its name. */
export function remedyOf(kind: ErrorKind): string {
  return haltRemedyFor(kind, undefined);
}
