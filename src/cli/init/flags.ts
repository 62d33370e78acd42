/** What the command line of `lakeferry init` says. */
export interface InitFlags {
  readonly config: string;
  readonly name?: string;
  readonly target?: string;
  readonly key?: string;
  readonly exclude?: string;
  readonly schedule?: string;
  readonly host?: string;
  readonly httpPath?: string;
  readonly databricksSecret?: string;
  readonly neonSecret?: string;
  readonly region?: string;
  readonly yes?: true;
  readonly dryRun?: true;
  readonly look: boolean;
  readonly local?: true;
  readonly json?: true;
}
