import { EnvironmentError } from '../config/config-error.ts';
import { lackOfAws } from '../config/lack-of-aws.ts';
import { type ErrorKind, remedyFor } from '../error/error-kind.ts';
import type { SyncError } from '../error/sync-error.ts';
import { type about, advise, type Finding, type Fix } from './finding.ts';

/** What to do about an error before anything is synced; the remedies of the kinds themselves are for syncs that run. */
const FIX_BY_KIND: Partial<Readonly<Record<ErrorKind, (sync: string) => Fix>>> = {
  source_unavailable: () =>
    advise(
      'Compare connections.databricks.host and httpPath, or DATABRICKS_HOST and DATABRICKS_HTTP_PATH, with "Connection details" of the SQL warehouse, and see that it can start.',
    ),
  source_unauthorized: () =>
    advise(
      'Renew the token or the OAuth secret, and let the principal use the warehouse: CAN USE.',
      'Databricks (workspace admin)',
    ),
  source_table_missing: (sync) =>
    advise(
      `Correct syncs.${sync}.source in lakeferry.yaml, have the table created, or let the principal see it.`,
    ),
  source_column_missing: (sync) => advise(`Correct the column names of syncs.${sync} in lakeferry.yaml.`),
  source_query_invalid: (sync) =>
    advise(`Correct syncs.${sync}.where in lakeferry.yaml so that the warehouse accepts it.`),
  type_unsupported: (sync) =>
    advise(
      `Leave the column out (syncs.${sync}.columns.exclude), or give it another type (syncs.${sync}.columns.types).`,
    ),
  target_unavailable: () =>
    advise(
      'Compare the host of NEON_URL, or of the secret, with the console of Neon, and see that the branch has a compute.',
    ),
  target_unauthorized: () => advise('Correct the user and the password of NEON_URL, or of the secret.'),
  target_missing: () => advise('Correct the name of the database in NEON_URL, or in the secret.'),
};

/** What to do about an error that kept us from looking. */
export function fixOf(error: SyncError, sync = '<sync>'): Fix {
  if (error instanceof EnvironmentError) {
    if (error.remedy !== remedyFor(error.kind, undefined)) return advise(error.remedy);
    const variables = [...new Set(error.problems.map(({ variable }) => variable))];
    return advise(`Set ${variables.join(', ')} here, or see to what is said of it.`);
  }
  return FIX_BY_KIND[error.kind]?.(sync) ?? advise(error.commandRemedy);
}

/**
 * A database that does not answer is a problem. One whose way in could not be read without an AWS region, or with these
 * AWS credentials, is not: that is said once, of AWS itself.
 */
export function unanswered(database: ReturnType<typeof about>, error: SyncError): Finding {
  const lack = lackOfAws(error);
  if (lack !== undefined) {
    const without = lack instanceof EnvironmentError ? 'without AWS_REGION' : 'with these AWS credentials';
    return database.unchecked('answer', `its secret cannot be read ${without}`);
  }
  return database.problem('answer', wordsOf(error), fixOf(error));
}

/** What an error says, as part of a sentence. */
export function wordsOf(error: SyncError): string {
  if (error instanceof EnvironmentError) {
    return error.problems.map(({ variable, message }) => `${variable}: ${message}`).join('; ');
  }
  return error.message.replace(/\.$/, '');
}
