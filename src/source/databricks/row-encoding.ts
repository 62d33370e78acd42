import { keyOf, type MappedColumn, type Mapping } from '../../plan/mapping.ts';
import { parseDeltaType } from '../../types/delta-type.ts';
import { encodeField, shownField, utcTimestamp } from '../../types/encode.ts';
import { parsePostgresType } from '../../types/postgres-type.ts';
import { plainForm } from './plain-form.ts';
import { quoteName } from './sql.ts';

/** Aliases and expressions of one mapped row; `c1` … `cn` are the columns in mapping order. */
export interface RowEncoding {
  /** `source column as c1`, … */
  readonly columns: readonly string[];
  /** Aliases of the key columns. */
  readonly key: readonly string[];
  readonly keyFields: readonly string[];
  /** The key as it is shown where its row is rejected. */
  readonly shownKey: readonly string[];
  readonly otherFields: readonly string[];
  /** Field values after the mapped columns, from `version` and `committed`. */
  readonly metadataFields: readonly string[];
  /** Rejection of the key, then of any other column: a `case` body that gives `reason:ordinal`, or nothing. */
  readonly keyRejections: string;
  readonly rowRejections: string;
}

/** The parts of the queries that read rows of the mapping. */
export function encodeRow(mapping: Mapping): RowEncoding {
  const alias = (index: number) => `c${index + 1}`;
  const encoded = mapping.columns.map((column, index) => {
    const target = parsePostgresType(column.targetType);
    if (!target) throw new RangeError(`not a Postgres type: ${column.targetType}`);
    return encodeField(alias(index), parseDeltaType(column.sourceType), target, mapping.nulCharacters);
  });
  const branches = (from: number, until: number) =>
    encoded
      .slice(from, until)
      .flatMap(({ rejections }, index) =>
        rejections.map(({ reason, when }) => `when ${when} then '${reason}:${from + index}'`),
      );
  const key = keyOf(mapping).map((_, index) => alias(index));
  const nullKeys = key.map((name, index) => `when ${name} is null then 'null_key:${index}'`);
  const keyBranches = [...nullKeys, ...branches(0, mapping.keyColumns)];
  const { commitVersion, commitTimestamp } = mapping.metadata;
  return {
    columns: mapping.columns.map((column, index) => `${plainColumn(column)} as ${alias(index)}`),
    key,
    shownKey: keyOf(mapping).map(({ sourceType }, index) =>
      shownField(alias(index), parseDeltaType(sourceType)),
    ),
    keyFields: encoded.slice(0, mapping.keyColumns).map(({ field }) => field),
    otherFields: encoded.slice(mapping.keyColumns).map(({ field }) => field),
    metadataFields: [
      ...(commitVersion === undefined ? [] : ['cast(version as string)']),
      ...(commitTimestamp === undefined ? [] : [utcTimestamp('committed')]),
    ],
    keyRejections: keyBranches.join(' '),
    rowRejections: [...keyBranches, ...branches(mapping.keyColumns, mapping.columns.length)].join(' '),
  };
}

/** The expression by which a column is read. */
export function plainColumn({ source, sourceType }: MappedColumn): string {
  return plainForm(quoteName(source), parseDeltaType(sourceType));
}
