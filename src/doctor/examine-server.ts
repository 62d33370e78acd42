import type { SyncConfig } from '../config/sync-config.ts';
import type { ServerFacts, TargetSurvey } from '../target/survey.ts';
import type { Clock } from '../telemetry/clock.ts';
import { attemptWithin } from './attempt-within.ts';
import type { ClockReading } from './clock.ts';
import { counted } from './count.ts';
import { about, advise, type Finding } from './finding.ts';
import { fixOf, unanswered, wordsOf } from './fixes.ts';

/** A compute that is suspended takes a second to wake up. */
const LIMIT_MS = 30_000;
/** MERGE came with it. */
const MIN_MAJOR_VERSION = 15;
/** Of max_connections, what Neon's pooler opens to the server for one role and database. */
const POOL_SHARE = 0.9;

export interface ServerExam {
  readonly findings: readonly Finding[];
  /** Both absent where the server of the chunks did not answer. */
  readonly facts?: ServerFacts;
  readonly clock?: ClockReading;
}

/** The server by both hosts: that of the chunks, and that of DDL. `syncs` are all that share its connections. */
export async function examineServer(
  { target, clock }: { readonly target: TargetSurvey; readonly clock: Clock },
  syncs: readonly SyncConfig[],
  signal: AbortSignal,
): Promise<ServerExam> {
  const server = about('neon', 'server');
  const startedAt = clock.now();
  const asked = await attemptWithin(signal, LIMIT_MS, (limited) => target.readServer('pooled', limited));
  if (asked.error) return { findings: [unanswered(server, asked.error)] };
  const answeredAt = clock.now();
  const direct = await attemptWithin(signal, LIMIT_MS, (limited) => target.readServer('direct', limited));
  const facts = asked.value;
  return {
    facts,
    findings: [
      server.ok(
        'answer',
        `answers to ${facts.role} after ${((answeredAt - startedAt) / 1_000).toFixed(1)} s`,
      ),
      ...(direct.error
        ? [server.problem('direct host', `the direct host: ${wordsOf(direct.error)}`, fixOf(direct.error))]
        : directFindings(facts, direct.value)),
      ...versionFindings(facts),
      ...connectionFindings(facts, syncs),
      ...roleFindings(facts),
    ],
    clock: { server: 'Postgres', now: facts.now, before: startedAt, after: answeredAt },
  };
}

function directFindings(pooled: ServerFacts, direct: ServerFacts): readonly Finding[] {
  if (direct.database === pooled.database && direct.role === pooled.role) return [];
  return [
    about('neon', 'server').problem(
      'direct host',
      `the direct host is ${direct.database} as ${direct.role}, the other ${pooled.database} as ${pooled.role}`,
      advise('Let both URLs name the same database and the same role.'),
    ),
  ];
}

function versionFindings({ version, majorVersion }: ServerFacts): readonly Finding[] {
  const server = about('neon', 'server');
  return [
    majorVersion >= MIN_MAJOR_VERSION
      ? server.ok('version', `PostgreSQL ${version}`)
      : server.problem(
          'version',
          `PostgreSQL ${version} has no MERGE`,
          advise(`Choose a Neon project with PostgreSQL ${MIN_MAJOR_VERSION} or later.`),
        ),
  ];
}

/** Each writer holds a connection for as long as its chunk takes, and each tick of a planner one for moments. */
function connectionFindings(facts: ServerFacts, syncs: readonly SyncConfig[]): readonly Finding[] {
  const connections = about('neon', 'connections');
  const { pooled, maxConnections, reservedConnections, usedConnections } = facts;
  const writers = syncs.reduce((sum, { maxWriters }) => sum + maxWriters, 0);
  const needed = writers + syncs.length;
  const room = pooled ? Math.floor(maxConnections * POOL_SHARE) : maxConnections - reservedConnections;
  const words = `${counted(writers, 'writer')} and ${counted(syncs.length, 'planner')} at most, of ${counted(room, 'connection')}`;
  const fix = advise(
    `Lower maxWriters in lakeferry.yaml (${writers} in all), or give the compute more memory: max_connections is ${maxConnections}.`,
  );
  if (needed > room) return [connections.problem('max_connections', words, fix)];
  if (!pooled && needed > room - usedConnections) {
    return [connections.note('max_connections', `${words}, and others use ${usedConnections}`, fix)];
  }
  return [connections.ok('max_connections', words)];
}

function roleFindings({ role, schema, missingGrants }: ServerFacts): readonly Finding[] {
  const subject = about('neon', `role ${role}`);
  if (missingGrants.length > 0) {
    return [
      subject.problem(
        'schema lakeferry',
        schema === 'missing' ? 'may not create the schema lakeferry' : 'lacks rights on the schema lakeferry',
        { by: 'Neon (owner of the database)', paste: missingGrants },
      ),
    ];
  }
  switch (schema) {
    case 'missing':
      return [subject.ok('schema lakeferry', 'may set up the schema lakeferry, at the first tick')];
    case 'older':
      return [subject.ok('schema lakeferry', 'may bring the schema lakeferry up to date, at the next tick')];
    case 'newer':
      return [
        subject.problem('schema lakeferry', 'finds a schema lakeferry of a newer version', {
          by: 'You',
          paste: ['git fetch && git merge origin/main && npm ci && npx cdk deploy'],
          advice: 'The schema was brought up to date by a newer Lakeferry; this one does not know its form.',
        }),
      ];
    case 'current':
    case 'unknown':
      return [subject.ok('schema lakeferry', 'may keep the schema lakeferry')];
    default:
      return schema satisfies never;
  }
}
