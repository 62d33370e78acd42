import { EngineError } from '../engine.ts';

/** Where open-source Spark and Delta name a failure otherwise than Databricks: their class, and Databricks' own. */
const DATABRICKS_NAME: Readonly<Record<string, readonly [errorClass: string, sqlState: string]>> = {
  // Every catalog but the session's own is unknown here, and its name is taken for a schema's.
  REQUIRES_SINGLE_PART_NAMESPACE: ['NO_SUCH_CATALOG_EXCEPTION', '42704'],
  // After VACUUM. For files of change data Databricks also has DELTA_CHANGE_DATA_FILE_NOT_FOUND.
  'FAILED_READ_FILE.FILE_NOT_EXIST': ['FAILED_READ_FILE.DBR_FILE_NOT_EXIST', 'KD001'],
};

/** Failures that open-source Delta gives no class, by what their text says. */
const UNNAMED: readonly (readonly [text: string, errorClass: string, sqlState: string])[] = [
  // The log was cleaned up: of the change feed, and of a version that is asked for.
  ['Could not find any delta files for version', 'DELTA_LOG_FILE_NOT_FOUND', '42K03'],
  ['Cannot time travel Delta table to version', 'DELTA_VERSION_NOT_FOUND', '22003'],
];

export interface SparkFailure {
  readonly errorClass: string;
  readonly sqlState: string;
  readonly message: string;
}

/** Spark's failure as Databricks would report it. */
export function sparkError({ errorClass, sqlState, message }: SparkFailure): EngineError {
  const [name, state] = databricksName(errorClass, message) ?? [errorClass, sqlState];
  const detail = message
    .replace(/^\s*\[[A-Z][A-Z0-9_.]*\]\s*/, '')
    .replace(/\s*SQLSTATE: [0-9A-Z]{5}/, '')
    .trimEnd();
  return new EngineError(name, state, detail);
}

function databricksName(
  errorClass: string,
  message: string,
): readonly [errorClass: string, sqlState: string] | undefined {
  if (errorClass !== 'INTERNAL_ERROR') return DATABRICKS_NAME[errorClass];
  const [, name, state] = UNNAMED.find(([text]) => message.includes(text)) ?? [];
  return name === undefined || state === undefined ? undefined : [name, state];
}
