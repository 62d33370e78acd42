import type { LoggerInterface } from '@aws-lambda-powertools/logger/types';
import type { Log } from './log.ts';
import { safeFields, safeText } from './redaction.ts';
import { withFields } from './with-fields.ts';

/**
 * The log of the Lambda functions. `persistentFields` stand in every entry of this log and leave the logger as it
 * is, so that two syncs in one function do not see each other's.
 */
export function powertoolsLog(
  logger: Pick<LoggerInterface, 'info' | 'warn' | 'error'>,
  persistentFields: Readonly<Record<string, unknown>> = {},
): Log {
  return withFields(
    {
      info: (message, fields) => logger.info(safeText(message), safeFields(fields ?? {})),
      warn: (message, fields) => logger.warn(safeText(message), safeFields(fields ?? {})),
      error: (message, fields) => logger.error(safeText(message), safeFields(fields ?? {})),
    },
    persistentFields,
  );
}
