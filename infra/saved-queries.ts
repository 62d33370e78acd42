import { type LogGroup, QueryDefinition, QueryString } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

export interface SavedQueriesProps {
  /** Name of the deployment, and of the folder of the queries. */
  readonly name: string;
  readonly logGroups: readonly LogGroup[];
}

/** Questions to the log that the numbers cannot answer, as they have no sync. In the console under Logs Insights. */
export const QUERIES = {
  'Which syncs are halted, and why': [
    'filter ispresent(SyncsHalted)',
    'stats count(*) as ticks, max(@timestamp) as lastSeen, latest(kind) as cause by sync',
    'sort lastSeen desc',
  ],
  'How far does each sync lag': [
    'filter ispresent(LagSeconds)',
    'stats latest(LagSeconds) as lagSeconds, latest(LagVersions) as lagVersions, max(LagSeconds) as worstSeconds by sync',
    'sort lagSeconds desc',
  ],
  'Which errors come, by sync and kind': [
    'filter ispresent(ChunkFailures) or ispresent(SyncsHalted)',
    'stats sum(ChunkFailures) as failedAttempts, max(@timestamp) as lastSeen by sync, kind',
    'sort failedAttempts desc',
  ],
  'How many rows, and how long, for each sync': [
    'filter ispresent(ChunksApplied)',
    'stats sum(RowsUpserted) as upserted, sum(RowsDeleted) as deleted, sum(RowsRejected) as rejected, pct(ChunkDuration, 50) as p50Ms, pct(ChunkDuration, 99) as p99Ms by sync',
    'sort upserted desc',
  ],
  'What happened to one sync (put in its name)': [
    'fields @timestamp, level, message, planId, slice, outcome, kind, reason',
    'filter sync = "customer_profiles" and ispresent(message)',
    'sort @timestamp desc',
    'limit 200',
  ],
} as const satisfies Record<string, readonly string[]>;

export class SavedQueries extends Construct {
  constructor(scope: Construct, id: string, { name, logGroups }: SavedQueriesProps) {
    super(scope, id);
    for (const [index, [question, lines]] of Object.entries(QUERIES).entries()) {
      new QueryDefinition(this, `Query${index}`, {
        queryDefinitionName: `Lakeferry/${name}/${question}`,
        queryString: new Lines(lines),
        logGroups: [...logGroups],
      });
    }
  }
}

/** A query as it is written, command by command. */
class Lines extends QueryString {
  readonly #lines: readonly string[];

  constructor(lines: readonly string[]) {
    super();
    this.#lines = lines;
  }

  override toString(): string {
    return this.#lines.join('\n| ');
  }
}
