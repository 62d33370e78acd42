import { COMPARED, sourceName, TARGET_SCHEMA } from './customer-profiles.ts';
import type { Ground } from './ground.ts';

/** Keys of the target that are not as the source has them. */
export interface WrongRows {
  readonly missing: number;
  readonly extra: number;
  readonly different: number;
}

const [KEY] = COMPARED.map(([name]) => name);

/** What a source table holds at one version: a list of texts for every compared column. */
export type SourceRows = readonly (readonly unknown[])[];

/** What Spark gives for the source `version as of`. */
export async function readSource({ sql }: Ground, source: string, version: bigint): Promise<SourceRows> {
  const texts = COMPARED.map(([name]) => `cast(${name} as string) as ${name}`).join(', ');
  const rows = await sql(`select ${texts} from ${sourceName(source)} version as of ${version}`);
  return COMPARED.map(([name]) => rows.map((row) => row[name]));
}

/** Compares a target with what the source holds, by all columns that both have. */
export async function wrongRows(
  { postgres }: Ground,
  expected: SourceRows,
  target: string,
): Promise<WrongRows> {
  const names = COMPARED.map(([name]) => name).join(', ');
  const texts = COMPARED.map((_, at) => `$${at + 1}::text[]`).join(', ');
  await postgres.query('begin');
  try {
    await postgres.query(
      `create temporary table expected on commit drop as
         select ${COMPARED.map(([name, type]) => `${name}::${type} as ${name}`).join(', ')}
         from unnest(${texts}) as x(${names})`,
      [...expected],
    );
    const values = (of: string) => COMPARED.map(([name, type]) => `${of}.${name}::${type}`).join(', ');
    const { rows: counts } = await postgres.query<Record<keyof WrongRows, number>>(`
      select count(*) filter (where t.${KEY} is null)::int as missing,
             count(*) filter (where e.${KEY} is null)::int as extra,
             count(*) filter (where e.${KEY} = t.${KEY}
               and row(${values('e')}) is distinct from row(${values('t')}))::int as different
      from expected e full join ${TARGET_SCHEMA}.${target} t on e.${KEY} = t.${KEY}`);
    const [found] = counts;
    if (!found) throw new Error('an aggregate gave no row');
    return found;
  } finally {
    await postgres.query('rollback');
  }
}
