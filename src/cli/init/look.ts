import { EnvironmentError } from '../../config/config-error.ts';
import type { ConnectionSettings } from '../../config/lakeferry-config.ts';
import type { ErrorAction, ErrorKind } from '../../error/error-kind.ts';
import { asSyncError, SyncError } from '../../error/sync-error.ts';
import type { SourceColumn } from '../../schema/source-column.ts';
import { displayTable, type SourceTable } from '../../schema/table-name.ts';
import type { CliIo } from '../io.ts';
import { Progress } from '../progress.ts';
import { type RuntimeFlags, withServices } from '../runtime.ts';
import { openSurroundings } from '../surroundings.ts';

/** Columns of the source as they are now. `withoutLook` is the command line that goes on without. */
export async function readSourceColumns(
  table: SourceTable,
  connections: ConnectionSettings,
  flags: RuntimeFlags,
  withoutLook: string,
  io: CliIo,
): Promise<readonly SourceColumn[]> {
  const progress = new Progress(io.stderr, io.clock);
  progress.update(`looking at ${displayTable(table)}`);
  try {
    const surroundings = await openSurroundings(connections, flags, io);
    return await withServices(surroundings, { needs: ['source'] }, io, ({ source }) =>
      source.readColumns(table, io.signal),
    );
  } catch (thrown) {
    if (io.signal.aborted) throw thrown;
    throw lookError(asSyncError(thrown), withoutLook);
  } finally {
    progress.clear();
  }
}

/** What to see to before there is a sync; others say it themselves. */
const ADVICE: Partial<Record<ErrorKind, string>> = {
  environment_invalid: 'Set the named environment variables',
  source_unavailable: 'Check that the SQL warehouse runs and that its host and HTTP path are right',
  source_unauthorized: 'Renew the Databricks token or secret, or grant CAN USE on the warehouse',
  source_permission: 'Grant USE CATALOG, USE SCHEMA and SELECT on the table to the Databricks principal',
  source_table_missing: 'Correct the name of the table, or create it',
  source_failed: 'Open the query in the Databricks query history: the warehouse failed at it',
};

class LookError extends SyncError {
  constructor({ kind, message, fields, cause }: SyncError, remedy: string) {
    super(kind, message, fields, { cause, remedy });
    this.name = 'LookError';
  }

  /** There is no sync yet to be halted. */
  override get action(): ErrorAction {
    return super.action === 'retry' ? 'retry' : 'refuse';
  }
}

function lookError(error: SyncError, withoutLook: string): SyncError {
  const advice = ADVICE[error.kind] ?? error.commandRemedy.replace(/\.$/, '');
  const remedy = `${advice}; or write the sync without a look: ${withoutLook}`;
  return error instanceof EnvironmentError
    ? new EnvironmentError(error.problems, { remedy })
    : new LookError(error, remedy);
}
