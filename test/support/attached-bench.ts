import { DeltaDirectory, type LogField, metadata, protocol } from './delta-directory.ts';
import type { TestEngine } from './duckdb-engine.ts';
import type { Row } from './engine-session.ts';

export const ID: LogField = { name: 'id', type: 'integer' };
export const NAME: LogField = { name: 'name', type: 'string' };

/** A Delta directory of another writer, and the name under which an engine has it or will. */
export class AttachedBench {
  readonly folder: DeltaDirectory;
  readonly schema = 'others';
  readonly table: string;
  readonly #lake: TestEngine;

  private constructor(lake: TestEngine, folder: DeltaDirectory, table: string) {
    this.#lake = lake;
    this.folder = folder;
    this.table = table;
  }

  /** `number` tells the tables of one engine apart. */
  static async open(lake: TestEngine, number: number, directory?: string): Promise<AttachedBench> {
    return new AttachedBench(lake, await DeltaDirectory.create(directory), `t${number}`);
  }

  /** Name of three parts. */
  get t(): string {
    return `main.${this.schema}.${this.table}`;
  }

  attachment(path = this.folder.path, table = this.t): string {
    return `attach table ${table} location '${path.replaceAll("'", "\\'")}'`;
  }

  attach(path = this.folder.path, table = this.t): Promise<Row[]> {
    return this.#lake.sql(this.attachment(path, table));
  }

  /** Version 0: rows 1 a and 2 b in one file. */
  async plainTable(more: Parameters<typeof metadata>[1] = {}, features: readonly string[] = []) {
    const first = await this.folder.add("select 1 as id, 'a' as name union all select 2, 'b'");
    await this.folder.commit(0, [protocol(features), metadata([ID, NAME], more), first]);
    return first;
  }

  /** `id name` of each row, in order. */
  async rows(from = this.t): Promise<string[]> {
    const found = await this.#lake.sql(`select id, name from ${from} order by id`);
    return found.map((row) => `${row['id']} ${row['name']}`);
  }

  /** `type version id name` of each change, in order. */
  async changes(first: number, last: number): Promise<string[]> {
    const found = await this.#lake.sql(
      `select * from table_changes('${this.t}', ${first}, ${last}) order by _commit_version, id, _change_type`,
    );
    return found.map((row) => `${row['_change_type']} ${row['_commit_version']} ${row['id']} ${row['name']}`);
  }

  /** The only row of a statement. */
  async only(statement: string): Promise<Row> {
    const [row, ...others] = await this.#lake.sql(statement);
    if (!row || others.length > 0) throw new Error('not one row');
    return row;
  }
}
