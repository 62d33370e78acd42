/** What of the surroundings a finding is about, in the order in which a person sees to them. */
export const AREAS = ['machine', 'databricks', 'neon', 'stack'] as const;

export type Area = (typeof AREAS)[number];

/**
 * `problem`: something does not work, or will not. `note`: it works; look at it when there is time. `unchecked`: it
 * could not be looked at, for a reason that is no fault by itself or is a finding of its own.
 */
export type Verdict = 'ok' | 'note' | 'problem' | 'unchecked';

/** What to do about a finding, and who can. */
export interface Fix {
  /** E.g. `Databricks (owner of main.gold.orders)`. */
  readonly by: string;
  /** Statements and commands, each as it is to be pasted; none where words must do. */
  readonly paste: readonly string[];
  /** What to do, or what is to be known of what is pasted. */
  readonly advice?: string;
}

export interface Finding {
  readonly area: Area;
  /** What was looked at, the same in every run: `change feed`, `key`, `max_connections`. */
  readonly check: string;
  /** The thing, as a person knows it: `main.gold.orders`, `role lakeferry`. */
  readonly subject: string;
  /** The sync that it is about, where it is about one. */
  readonly sync?: string;
  readonly verdict: Verdict;
  /** Part of a sentence about the subject. Holds no row value and no secret. */
  readonly text: string;
  readonly fix?: Fix;
}

/** Of one subject: the findings about it are made with less said. */
export function about(area: Area, subject: string, sync?: string) {
  const place = { area, subject, ...(sync === undefined ? {} : { sync }) };
  return {
    ok: (check: string, text: string): Finding => ({ ...place, check, verdict: 'ok', text }),
    note: (check: string, text: string, fix?: Fix): Finding => ({
      ...place,
      check,
      verdict: 'note',
      text,
      ...(fix && { fix }),
    }),
    problem: (check: string, text: string, fix: Fix): Finding => ({
      ...place,
      check,
      verdict: 'problem',
      text,
      fix,
    }),
    unchecked: (check: string, text: string, fix?: Fix): Finding => ({
      ...place,
      check,
      verdict: 'unchecked',
      text,
      ...(fix && { fix }),
    }),
  };
}

/** Words, where there is nothing to paste. */
export function advise(advice: string, by = 'You'): Fix {
  return { by, paste: [], advice };
}
