import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { expect } from 'vitest';
import { configDigest } from '../../src/config/deployment.ts';
import type { Finding } from '../../src/doctor/finding.ts';
import { type Cli, openCli } from './cli.ts';
import { type DeployedStack, deployStack } from './deployed.ts';

export const NAME = 'clinic';
export const TOKEN_SECRET = 'prod/databricks';
export const NEON_SECRET = 'prod/neon';
/** What no finding may show. */
export const PASSWORD = 'a secret word';

export interface Examined {
  readonly code: number;
  readonly problems: number;
  readonly findings: readonly Finding[];
  readonly all: string;
}

export const wrong = ({ findings }: Examined) => findings.filter(({ verdict }) => verdict !== 'ok');

export interface Planted {
  /** Gives what it takes to mend it, unless that is what is pasted. */
  readonly plant: () => Promise<void | (() => Promise<void>)>;
  readonly finds: {
    readonly area: string;
    readonly check: string;
    readonly subject: string;
    readonly text: RegExp;
  };
  /** Who is to do what. */
  readonly fix: RegExp;
  /** Where what is pasted is run, after which nothing is wrong any more. */
  readonly heals?: (statement: string) => Promise<unknown>;
}

/** A deployed stack with one sync, `fruit`, with which all is well; each fault is planted beside or into it. */
export class Clinic {
  readonly cli: Cli;
  readonly deployed: DeployedStack;
  readonly postgres: pg.Client;
  /** The configuration with which all is well. */
  readonly healthy: string;

  private constructor(cli: Cli, deployed: DeployedStack, postgres: pg.Client, healthy: string) {
    this.cli = cli;
    this.deployed = deployed;
    this.postgres = postgres;
    this.healthy = healthy;
  }

  static async open(): Promise<Clinic> {
    const cli = await openCli();
    const { info } = cli.stack;
    const healthy = `connections:
  databricks: { host: "${info.warehouse.host}:${info.warehouse.port}", httpPath: ${info.warehouse.path}, secret: ${TOKEN_SECRET} }
  neon: { secret: ${NEON_SECRET} }
syncs:
  fruit: { source: main.shop.fruit, target: shop.fruit, primaryKey: id }
`;
    await writeFile(join(cli.folder, 'fruit.csv'), 'id,name,kind\n1,apple,a\n2,pear,a\n3,plum,b\n');
    expect((await cli.run('local', 'load', 'fruit.csv', 'as', 'main.shop.fruit')).code).toBe(0);
    const deployed = await deployStack(cli.stack, healthy, NAME);
    const postgres = new pg.Client({ connectionString: info.postgres });
    await postgres.connect();
    return new Clinic(cli, deployed, postgres, healthy);
  }

  /** Before each test. What a test does to the databases it mends itself. */
  async heal(): Promise<void> {
    const { info, faults } = this.cli.stack;
    const { secrets, account } = this.deployed;
    faults.clear();
    secrets.set(TOKEN_SECRET, JSON.stringify({ token: info.warehouse.token }));
    secrets.set(NEON_SECRET, JSON.stringify({ url: info.postgres }));
    account.credentialsAreValid = true;
    account.concurrency = 1_000;
    account.reserved = 0;
    account.deletedSecrets.clear();
    account.ringing.clear();
    account.refused.clear();
    account.subscribers = { confirmed: 1, pending: 0 };
    await this.tellOfDeployment(this.healthy);
  }

  async close(): Promise<void> {
    await this.postgres.end();
    await this.deployed.close();
    await this.cli.close();
  }

  /** The configuration, of which the deployment knows nothing. */
  write(text: string, file = 'lakeferry.yaml'): Promise<void> {
    return writeFile(join(this.cli.folder, file), text);
  }

  /** Writes the configuration, and has the deployment say that it was made from it. */
  async tellOfDeployment(text: string): Promise<void> {
    const deployment = { ...this.deployed.deployment, configDigest: configDigest(text) };
    this.deployed.parameters.set(`/lakeferry/${NAME}`, JSON.stringify(deployment));
    await this.write(text);
  }

  withSync(settings: string): Promise<void> {
    return this.tellOfDeployment(this.healthy.replace('primaryKey: id', settings));
  }

  withTable(table: string, key: string): Promise<void> {
    const more = `  more: { source: ${table}, target: shop.more, primaryKey: ${key} }\n`;
    return this.tellOfDeployment(this.healthy + more);
  }

  async sql(statement: string): Promise<void> {
    expect((await this.cli.run('local', 'sql', statement)).code).toBe(0);
  }

  /** A role with which the connection is made from now on; gives what takes it away. */
  async connectAs(role: string, grants: readonly string[] = []): Promise<() => Promise<void>> {
    await this.postgres.query(`create role ${role} login password '${PASSWORD}'`);
    for (const grant of grants) await this.postgres.query(`${grant} to ${role}`);
    const url = new URL(this.cli.stack.info.postgres);
    url.username = role;
    url.password = PASSWORD;
    this.deployed.secrets.set(NEON_SECRET, JSON.stringify({ url: url.href }));
    return async () => {
      await this.postgres.query(`drop owned by ${role} cascade`);
      await this.postgres.query(`drop role ${role}`);
    };
  }

  async examine(...args: readonly string[]): Promise<Examined> {
    const { code, answer } = await this.cli.json('doctor', '--deployment', NAME, ...args);
    const { problems, findings } = answer as Pick<Examined, 'problems' | 'findings'>;
    return { code, problems, findings, all: JSON.stringify(answer) };
  }

  async screen(): Promise<string> {
    return (await this.cli.run('doctor', '--deployment', NAME)).stdout;
  }

  /** Expects that the fault is found and named with its fix, and that the fix mends it. */
  async expectFound({ plant, finds, fix, heals }: Planted): Promise<void> {
    const undo = await plant();
    try {
      const found = await this.examine();
      const finding = found.findings.find(
        ({ area, check, subject, verdict }) =>
          area === finds.area && check === finds.check && subject === finds.subject && verdict !== 'ok',
      );
      expect(finding, JSON.stringify(wrong(found), null, 1)).toBeDefined();
      expect(finding?.text).toMatch(finds.text);
      const { by, paste, advice } = finding?.fix ?? { by: '', paste: [] };
      expect([`${by}:`, ...paste, advice].join(' ')).toMatch(fix);
      expect(found.code).toBe(finding?.verdict === 'problem' ? 3 : 0);
      expect(found.all).not.toContain(PASSWORD);
      if (!heals) return;
      for (const { fix: each } of wrong(found)) {
        for (const statement of each?.paste ?? []) await heals(statement);
      }
      expect(wrong(await this.examine())).toEqual([]);
    } finally {
      await undo?.();
    }
  }
}
