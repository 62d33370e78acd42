/**
 * What a failure means for the sync, and what the operator does next.
 *
 * - `retry`: the same work may succeed later; it goes back with a backoff.
 * - `replan`: the plan no longer fits the world; drop it, look again, make another.
 * - `halt`: trying again changes nothing until a person acts.
 * - `refuse`: a usage or configuration error; nothing was started.
 */
export type ErrorAction = 'retry' | 'replan' | 'halt' | 'refuse';

export interface ErrorPolicy {
  readonly action: ErrorAction;
  /**
   * One sentence, what to do. `<sync>` stands for the sync's name. That of a `retry` has no end: it says what to see to
   * while Lakeferry tries again, or before a person lets it once the attempts are used up.
   */
  readonly remedy: string;
  /** Only a command meets it, never a sync: nobody tries again but the person at the terminal. */
  readonly metBy?: 'command';
}

export type ErrorKind = keyof typeof ERROR_POLICY;

export const ERROR_POLICY = {
  config_invalid: {
    action: 'refuse',
    remedy: 'Correct the named places in lakeferry.yaml and run the command again.',
  },
  config_missing: {
    action: 'refuse',
    remedy: 'Run the command where lakeferry.yaml is, or name the file: "--config <file>".',
  },
  environment_invalid: {
    action: 'refuse',
    remedy: 'Set the named environment variables and run the command again.',
  },
  usage: { action: 'refuse', remedy: 'See "lakeferry --help".', metBy: 'command' },

  source_unavailable: {
    action: 'retry',
    remedy: 'Check that the SQL warehouse runs and that its host, port and HTTP path are right',
  },
  source_unauthorized: {
    action: 'halt',
    remedy:
      'Renew the Databricks token or the service principal secret, or grant CAN USE on the warehouse, then run "lakeferry run <sync>".',
  },
  source_permission: {
    action: 'halt',
    remedy:
      'Grant USE CATALOG, USE SCHEMA and SELECT on the source table to the Databricks principal, then run "lakeferry run <sync>".',
  },
  source_table_missing: {
    action: 'halt',
    remedy:
      'Check syncs.<sync>.source in lakeferry.yaml, or create the table, then run "lakeferry run <sync>".',
  },
  source_column_missing: {
    action: 'halt',
    remedy:
      'Correct the column names of syncs.<sync> in lakeferry.yaml, or add the columns to the source table, then run "lakeferry run <sync>".',
  },
  source_query_invalid: {
    action: 'halt',
    remedy:
      'Correct syncs.<sync>.where in lakeferry.yaml so that the warehouse accepts it, then run "lakeferry run <sync>".',
  },
  source_replaced: {
    action: 'replan',
    remedy:
      'The source table was replaced, or dropped and created again: drop the target table so that it is loaded anew, then run "lakeferry run <sync>".',
  },
  source_incomplete: {
    action: 'retry',
    remedy: 'Look for faults of the SQL warehouse, which delivered fewer rows than it counted',
  },
  source_failed: {
    action: 'retry',
    remedy: 'Open the query in the Databricks query history: the warehouse failed at it',
  },
  change_feed_off: {
    action: 'halt',
    remedy:
      'Run "alter table … set tblproperties (delta.enableChangeDataFeed = true)" on the source; changes made before are not in the feed, so drop the target table to load it anew, then run "lakeferry run <sync>".',
  },
  retention_gap: {
    action: 'halt',
    remedy:
      'The source no longer keeps the changes that come next: drop the target table so that it is loaded anew, then run "lakeferry run <sync>".',
  },
  schema_break: {
    action: 'halt',
    remedy:
      'The source table\'s columns changed in a way that the change feed cannot bridge: drop the target table so that it is loaded anew, then run "lakeferry run <sync>".',
  },
  duplicate_source_key: {
    action: 'halt',
    remedy:
      'syncs.<sync>.primaryKey does not identify a row of the source: name the columns that do in lakeferry.yaml, or remove the duplicates, then run "lakeferry run <sync>".',
  },
  type_unsupported: {
    action: 'halt',
    remedy:
      'Exclude the named column in syncs.<sync>.columns, or give it another type there, then run "lakeferry run <sync>".',
  },

  target_unavailable: {
    action: 'retry',
    remedy: 'Check that the Neon branch and its compute are up and reachable',
  },
  target_busy: {
    action: 'retry',
    remedy: 'End the session that holds a lock on the target table or its rows for too long',
  },
  target_unauthorized: {
    action: 'halt',
    remedy: 'Correct the user and password of the Neon connection, then run "lakeferry run <sync>".',
  },
  target_permission: {
    action: 'halt',
    remedy: 'Grant the Neon role the right that the message names, then run "lakeferry run <sync>".',
  },
  target_missing: {
    action: 'halt',
    remedy: 'Check the database name of the Neon connection, then run "lakeferry run <sync>".',
  },
  target_not_empty: {
    action: 'halt',
    remedy:
      'The target table holds rows that Lakeferry did not write: empty it, rename it away, or choose another target, then run "lakeferry run <sync>".',
  },
  target_incompatible: {
    action: 'halt',
    remedy:
      'Change the target table as the message says, or drop it so that Lakeferry creates it, then run "lakeferry run <sync>".',
  },
  target_replaced: {
    action: 'replan',
    remedy: 'The target table was dropped and created again; Lakeferry loads it anew by itself.',
  },
  target_failed: {
    action: 'halt',
    remedy:
      'Postgres refused a statement: the SQLSTATE says why. Correct it, then run "lakeferry run <sync>".',
  },
  unique_conflict: {
    action: 'halt',
    remedy:
      'A unique constraint of the target besides the key refuses the rows: correct the source if two of its rows hold one value, else make the named constraint DEFERRABLE INITIALLY IMMEDIATE, so that values may move between rows, or drop it; then run "lakeferry run <sync>".',
  },
  row_rejected: {
    action: 'halt',
    remedy:
      'Correct the rows in the source, or let lakeferry.yaml put them aside (syncs.<sync>.rejectedRows: quarantine) or more of them (maxRejectedRows), then run "lakeferry run <sync>".',
  },
  mass_delete: {
    action: 'halt',
    remedy:
      'If the rows are meant to go, run "lakeferry approve <sync>"; if the source lost them by mistake, restore it, then run "lakeferry run <sync>".',
  },
  mapping_changed: {
    action: 'halt',
    remedy:
      'Rows that are already in the target were written by other settings: undo the change in lakeferry.yaml, or drop the target table so that it is loaded anew, then run "lakeferry run <sync>".',
  },
  plan_stalled: {
    action: 'halt',
    remedy:
      'Chunks were sent again and again and never finished: look at the dead-letter queue and the writer\'s log, then run "lakeferry run <sync>".',
  },

  queue_unavailable: {
    action: 'retry',
    remedy: 'Check that SQS is reachable and the queue exists',
  },
  message_invalid: {
    action: 'halt',
    remedy: 'A message was not written by this version of Lakeferry: remove it from the queue.',
  },
  checkpoint_unavailable: {
    action: 'retry',
    remedy: 'Check that DynamoDB is reachable and the checkpoint table exists',
  },
  local_failed: {
    action: 'refuse',
    remedy: 'Do what the message says, then start the local stack again: "lakeferry local up".',
    metBy: 'command',
  },
  statement_failed: {
    action: 'refuse',
    remedy: 'Correct the statement: what the local warehouse knows is in docs/develop/local-warehouse.md.',
    metBy: 'command',
  },
  stack_down: {
    action: 'refuse',
    remedy: 'Start the local stack in another terminal: "lakeferry local up".',
    metBy: 'command',
  },
  deployment_missing: {
    action: 'refuse',
    remedy: 'Deploy the stack with "npx cdk deploy", or name another: "--deployment <name>".',
    metBy: 'command',
  },
  aws_unauthorized: {
    action: 'refuse',
    remedy:
      'Sign in to AWS, or grant the right that the message names to your role, and run the command again.',
    metBy: 'command',
  },
  aws_unavailable: {
    action: 'retry',
    remedy: 'Check that AWS answers in the region that the message names',
    metBy: 'command',
  },
  cancelled: {
    action: 'retry',
    remedy: 'Look at what the log says of the function: it was stopped in the middle of its work',
  },
  out_of_time: {
    action: 'retry',
    remedy:
      'Let the Neon compute be larger, or the schedule of the sync shorter, so that what belongs into one transaction ends in the time of the writer',
  },
  internal: {
    action: 'retry',
    remedy: 'Report this fault of Lakeferry with the log lines of its plan',
  },
} as const satisfies Record<string, ErrorPolicy>;

/** What to do about an error of the kind that a sync meets. */
export function remedyFor(kind: ErrorKind, sync: string | undefined): string {
  return remedyWith(isOfCommands(kind) ? RUN_AGAIN : '; Lakeferry tries again by itself.', kind, sync);
}

/** What to do about an error of the kind that ends a command: nobody repeats it but the person at the terminal. */
export function commandRemedyFor(kind: ErrorKind, sync: string | undefined): string {
  return remedyWith(RUN_AGAIN, kind, sync);
}

/** What to do once a sync is halted by an error of the kind, be it that its attempts are used up. */
export function haltRemedyFor(kind: ErrorKind, sync: string | undefined): string {
  return remedyWith(isOfCommands(kind) ? RUN_AGAIN : ', then run "lakeferry run <sync>".', kind, sync);
}

/** Whether only commands meet errors of the kind. */
export function isOfCommands(kind: ErrorKind): boolean {
  const policy: ErrorPolicy = ERROR_POLICY[kind];
  return policy.metBy === 'command';
}

const RUN_AGAIN = ', and run the command again.';

/** `end` closes the sentence of a `retry`. */
function remedyWith(end: string, kind: ErrorKind, sync: string | undefined): string {
  const { action, remedy } = ERROR_POLICY[kind];
  return `${remedy}${action === 'retry' ? end : ''}`.replaceAll('<sync>', sync ?? '<sync>');
}
