import { SyncError } from '../error/sync-error.ts';
import type { Plan } from '../plan/plan.ts';
import { displayTable } from '../schema/table-name.ts';
import type { TargetState } from './target.ts';

/**
 * What is to be done to the target table before a plan opens. `missing`: these statements, in order, create it.
 * `unfit`: each problem is a part of a sentence about the table. `fits`: `untouched` are its columns that the mapping
 * leaves to their owner.
 */
export type TableFinding =
  | { readonly outcome: 'missing'; readonly statements: readonly string[] }
  | { readonly outcome: 'unfit'; readonly problems: readonly string[] }
  | { readonly outcome: 'fits'; readonly untouched: readonly string[] };

/** `rights` is part of a sentence: `insert, update on app.orders`. `grant` are the statements by which an owner gives them. */
export interface MissingRights {
  readonly role: string;
  readonly rights: string;
  readonly grant: string;
}

/**
 * `forbidden`: the role lacks rights on the table, or those to create it; `finding` is what holds for a role that has
 * them.
 */
export type TableCheck =
  | TableFinding
  | ({ readonly outcome: 'forbidden'; readonly finding: TableFinding } & MissingRights);

/** Fewer rows than this may always go, whatever part of the target they are. */
export const MIN_BRAKED_DELETES = 1_000;

/** Deletes against the rows that the target has. */
export interface DeleteWeight {
  readonly rows: number;
  /** `rows` is what the server believes since the last vacuum or analyze; it is counted where that could matter. */
  readonly estimated: boolean;
  /** Whether a writer would halt before them, unless a person approves. */
  readonly halts: boolean;
}

/** The server behind one of the two hosts of the connection, as the role of the connection sees it. */
export interface ServerFacts {
  /** `pooled`: the host's name is that of Neon's pooler. */
  readonly pooled: boolean;
  /** As the server prints it, e.g. `17.5`, and its number before the point. */
  readonly version: string;
  readonly majorVersion: number;
  readonly database: string;
  readonly role: string;
  /** The server's clock, milliseconds since the epoch. */
  readonly now: number;
  readonly maxConnections: number;
  /** Of those, kept for superusers and the like. */
  readonly reservedConnections: number;
  /** Connections of clients at this moment, this one among them. */
  readonly usedConnections: number;
  /** The form of the schema `lakeferry`; `unknown` where the role may not read it. */
  readonly schema: 'missing' | 'older' | 'current' | 'newer' | 'unknown';
  /** Statements for the owner of the database, by which the role may make and keep the schema. */
  readonly missingGrants: readonly string[];
}

/** What may be asked of a target before anything is written. Nothing here changes it. */
export interface TargetSurvey {
  /**
   * As `readState` of a Target, without the `lakeferry` schema, too: a sync that was never seen has a row of no
   * revision, under which no plan opens.
   */
  lookAt(
    sync: string,
    table: Plan['target'],
    key: readonly string[],
    signal: AbortSignal,
  ): Promise<TargetState>;
  /** What `ensureTable` of a Target would do or refuse. */
  checkTable(plan: Pick<Plan, 'target' | 'mapping' | 'sync'>, signal: AbortSignal): Promise<TableCheck>;
  /** What the writers' brake would say of a plan that deletes so many rows of the table, which must be there. */
  weighDeletes(
    plan: Pick<Plan, 'sync' | 'target' | 'mapping'>,
    deletes: number,
    signal: AbortSignal,
  ): Promise<DeleteWeight>;
  /** Whether a snapshot could open: the table is missing, empty, or holds nothing but what an unfinished load left. */
  isFreeToLoad(sync: string, table: Plan['target'], signal: AbortSignal): Promise<boolean>;
  /** `host`: that of the chunks, or the one for DDL, which may be the same. */
  readServer(host: 'pooled' | 'direct', signal: AbortSignal): Promise<ServerFacts>;
}

/** A sync halts for a table that does not fit it. */
export function tableMisfit(table: Plan['target'], problems: readonly string[]): SyncError {
  const message = `${displayTable(table)} does not fit the sync: ${problems.join('; ')}.`;
  return new SyncError('target_incompatible', message, { problems });
}

/** A sync halts before a load into rows of somebody else. */
export function targetNotEmpty(table: Plan['target']): SyncError {
  return new SyncError(
    'target_not_empty',
    `${displayTable(table)} is to be loaded, but it holds rows that Lakeferry did not write.`,
  );
}
