import type { Random } from './random.ts';
import type { SoakSync } from './soak-sync.ts';

type Sql = (statement: string) => Promise<unknown>;

/** The source table of one sync, changed at random, one commit after the other. Keys are never made twice. */
export class SourceTable {
  readonly #sync: SoakSync;
  readonly #run: Sql;
  readonly #random: Random;
  #keys: number[] = [];
  #commits = 0;
  #lastKey = 0;

  constructor(sync: SoakSync, sql: Sql, random: Random) {
    this.#sync = sync;
    this.#run = sql;
    this.#random = random;
  }

  /** Name of the sync. */
  get name(): string {
    return this.#sync.config.name;
  }

  /** About its newest version: an OPTIMIZE may make no commit. */
  get commits(): number {
    return this.#commits;
  }

  async create(): Promise<void> {
    const { source, columns, rows } = this.#sync;
    await this.#sql(
      `create table ${source} (${columns.map((column) => column.join(' ')).join(', ')}) using delta`,
    );
    this.#keys = this.#freshKeys(rows);
    await this.#sql(`insert into ${source} ${this.#rows(this.#keys)}`);
  }

  /** One commit, or none where the change that was drawn has nothing to do. */
  async change(): Promise<void> {
    const { source, unique } = this.#sync;
    const few = () => this.#random.some(this.#keys, this.#random.between(1, 8));
    const kinds = [
      'insert',
      'update',
      'updateMany',
      'delete',
      'merge',
      'move',
      'overwrite',
      'optimize',
    ] as const;
    const kind = this.#random.pick(
      unique === undefined ? kinds : ([...kinds, 'swap', 'swap', 'rotate'] as const),
    );
    switch (kind) {
      case 'insert': {
        const fresh = this.#freshKeys(this.#random.between(1, 12));
        await this.#sql(`insert into ${source} ${this.#rows(fresh)}`);
        this.#keys.push(...fresh);
        return;
      }
      case 'update':
        await this.#update(`id in (${list(few())})`);
        return;
      case 'updateMany':
        await this.#update(`id % ${this.#random.between(2, 9)} = 0`);
        return;
      case 'delete':
        await this.#delete(few());
        return;
      case 'merge':
        await this.#merge(few());
        return;
      case 'move':
        await this.#move();
        return;
      case 'overwrite':
        await this.#overwrite();
        return;
      case 'swap':
        await this.#rotateUnique(2);
        return;
      case 'rotate':
        await this.#rotateUnique(this.#random.between(3, 5));
        return;
      case 'optimize':
        await this.#sql(`optimize ${source}`);
        return;
      default:
        kind satisfies never;
    }
  }

  async #update(where: string): Promise<void> {
    const { source, change } = this.#sync;
    await this.#sql(`update ${source} set ${change(this.#random)} where ${where}`);
  }

  async #delete(keys: readonly number[]): Promise<void> {
    if (this.#keys.length < this.#sync.rows / 2) return;
    await this.#sql(`delete from ${this.#sync.source} where id in (${list(keys)})`);
    this.#forget(keys);
  }

  /** Some rows go, some change, some come, in one commit. */
  async #merge(keys: readonly number[]): Promise<void> {
    const { source, columns, unique } = this.#sync;
    const fresh = this.#freshKeys(this.#random.between(1, 6));
    const gone = keys.slice(0, 2);
    const names = columns.map(([name]) => name);
    const changed = names.filter((name) => !this.#sync.config.primaryKey.includes(name) && name !== unique);
    await this.#sql(`merge into ${source} as t
      using (select * from (${this.#rows([...keys, ...fresh])}) as x(${names.join(', ')})) as s
      on t.id = s.id
      when matched and t.id in (${list(gone)}) then delete
      when matched then update set ${changed.map((name) => `${name} = s.${name}`).join(', ')}
      when not matched then insert (${names.join(', ')}) values (${names.map((name) => `s.${name}`).join(', ')})`);
    this.#forget(gone);
    this.#keys.push(...fresh);
  }

  /** A row takes another key, and another row may take the one that it had. */
  async #move(): Promise<void> {
    const { source, unique, config } = this.#sync;
    const [from] = this.#random.some(this.#keys, 1);
    if (from === undefined) return;
    const [to = from] = this.#freshKeys(1);
    const region = config.primaryKey.includes('region') ? `, region = 'r${to % 3}'` : '';
    const code = unique !== undefined && this.#random.chance(0.5) ? `, ${unique} = ${to}` : '';
    await this.#sql(`update ${source} set id = ${to}${region}${code} where id = ${from}`);
    this.#forget([from]);
    this.#keys.push(to);
    if (unique === undefined && this.#random.chance(0.3)) {
      await this.#sql(`insert into ${source} ${this.#rows([from])}`);
      this.#keys.push(from);
    }
  }

  /** All rows are written again; a part of them is another, and a few are gone. */
  async #overwrite(): Promise<void> {
    const { source, columns, unique } = this.#sync;
    const names = columns.map(([name]) => name).join(', ');
    const gone = this.#keys.length < this.#sync.rows / 2 ? [] : this.#random.some(this.#keys, 3);
    const replaced = unique === undefined ? this.#random.some(this.#keys, 5) : gone;
    const fresh = this.#freshKeys(3);
    const written = [...new Set([...replaced.filter((key) => !gone.includes(key)), ...fresh])];
    const left = [...new Set([...gone, ...written])];
    await this.#sql(`insert overwrite ${source}
      select ${names} from ${source} where id not in (${list(left)}) union all ${this.#rows(written)}`);
    this.#forget(left);
    this.#keys.push(...written);
  }

  /** Rows pass their unique value on, in a circle. */
  async #rotateUnique(count: number): Promise<void> {
    const { source, unique } = this.#sync;
    const keys = this.#random.some(this.#keys, count);
    if (unique === undefined || keys.length < 2) return;
    const next = keys.map((key, at) => `when ${key} then ${keys[(at + 1) % keys.length]}`);
    await this.#sql(`merge into ${source} as t
      using (
        select mine.id as id, other.${unique} as code
        from (select id, case id ${next.join(' ')} end as next_id from ${source} where id in (${list(keys)})) mine
        join ${source} other on other.id = mine.next_id
      ) as s
      on t.id = s.id
      when matched then update set ${unique} = s.code`);
  }

  async #sql(statement: string): Promise<void> {
    await this.#run(statement);
    this.#commits += 1;
  }

  #freshKeys(count: number): number[] {
    return Array.from({ length: count }, () => ++this.#lastKey);
  }

  #forget(keys: readonly number[]): void {
    const gone = new Set(keys);
    this.#keys = this.#keys.filter((key) => !gone.has(key));
  }

  #rows(keys: readonly number[]): string {
    const { row, columns } = this.#sync;
    const selects = keys.map((key) => {
      const values = row(key, this.#random).map(
        (literal, at) => `${cast(literal, columns[at]?.[1] ?? 'string')}`,
      );
      return `select ${values.join(', ')}`;
    });
    return selects.join(' union all ');
  }
}

const cast = (literal: string, type: string) => `cast(${literal} as ${type})`;
const list = (keys: readonly number[]) => keys.join(', ');
