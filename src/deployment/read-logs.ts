import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { clientSettings } from './client-settings.ts';
import { controlPlaneError } from './control-plane-error.ts';
import { Newest } from './newest.ts';

/** One entry of a function's log. */
export interface LogEntry {
  /** CloudWatch's own, unique in its log group. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly function: 'planner' | 'writer';
  readonly level: string;
  readonly message: string;
  /** All else that stands in the entry. */
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface LogGroups {
  readonly region: string;
  readonly planner: string;
  readonly writer: string;
}

export interface LogFilter {
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** Entries that bear this name, and no others. */
  readonly sync?: string;
  readonly planId?: string;
  /** At most so many of the newest, and no more are held while it is read. */
  readonly limit: number;
  /** Ids of entries that are not wanted. */
  readonly except?: { has(id: string): boolean };
}

export interface LogPart {
  /** Oldest first. */
  readonly entries: readonly LogEntry[];
  /** Older entries that fit the filter beside its limit. */
  readonly leftOut: number;
}

export interface FunctionLogs {
  /**
   * The newest entries. CloudWatch gives the oldest first, so that all since `filter.since` are gone through; `onRead` is
   * told how many of them were. Throws `deployment_missing`, `aws_unauthorized` or `aws_unavailable`.
   */
  read(filter: LogFilter, onRead: (count: number) => void, signal: AbortSignal): Promise<LogPart>;
  close(): void;
}

/** All of an account together may ask five times a second; the SDK's waits add up to about a minute. */
const MAX_ATTEMPTS = 8;

export function openLogs(groups: LogGroups): FunctionLogs {
  const client = new CloudWatchLogsClient(clientSettings(groups.region, { maxAttempts: MAX_ATTEMPTS }));

  async function readGroup(
    name: LogEntry['function'],
    filter: LogFilter,
    onEntry: (entry: LogEntry) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const logGroupName = groups[name];
    const filterPattern = patternOf(filter);
    let nextToken: string | undefined;
    do {
      const request = new FilterLogEventsCommand({
        logGroupName,
        startTime: filter.since,
        ...(filterPattern === undefined ? {} : { filterPattern }),
        ...(nextToken === undefined ? {} : { nextToken }),
      });
      const page = await client.send(request, { abortSignal: signal }).catch((thrown: unknown) => {
        const right = 'logs:FilterLogEvents';
        throw controlPlaneError(
          thrown,
          { name: `the log group ${logGroupName}`, region: groups.region, right },
          signal,
        );
      });
      for (const { eventId, timestamp, message } of page.events ?? []) {
        const entry = parseEntry(message);
        if (entry) onEntry({ id: `${name}/${eventId}`, at: timestamp ?? 0, function: name, ...entry });
      }
      nextToken = page.nextToken;
    } while (nextToken !== undefined);
  }

  return {
    async read(filter, onRead, signal) {
      const newest = new Newest<LogEntry>(filter.limit);
      let count = 0;
      const take = (entry: LogEntry): void => {
        if (filter.except?.has(entry.id)) return;
        newest.add(entry.function, entry);
        count += 1;
        onRead(count);
      };
      await Promise.all([
        readGroup('planner', filter, take, signal),
        readGroup('writer', filter, take, signal),
      ]);
      return { entries: newest.toSorted(), leftOut: newest.leftOut };
    },
    close: () => client.destroy(),
  };
}

/** In the language of CloudWatch's filters. Names of syncs and plan ids hold no quote. */
function patternOf({ sync, planId }: LogFilter): string | undefined {
  const terms = [
    ...(sync === undefined ? [] : [`($.sync = "${sync}")`]),
    ...(planId === undefined ? [] : [`($.planId = "${planId}")`]),
  ];
  return terms.length === 0 ? undefined : `{ ${terms.join(' && ')} }`;
}

/** Fields of every entry that say nothing of the sync. */
const HOUSEKEEPING: ReadonlySet<string> = new Set([
  'cold_start',
  'function_arn',
  'function_memory_size',
  'function_name',
  'sampling_rate',
  'service',
  'timestamp',
  'xray_trace_id',
]);

/** What ended a function from outside, as Lambda writes it between the entries. */
const ENDED = /Task timed out|Runtime exited|Process exited/;

/** Undefined for metrics, and for what Lambda writes of each invocation. */
function parseEntry(text = ''): Pick<LogEntry, 'level' | 'message' | 'fields'> | undefined {
  const parsed = parseObject(text);
  if (!parsed) {
    return ENDED.test(text) ? { level: 'error', message: text.trim(), fields: {} } : undefined;
  }
  const { level, message, ...rest } = parsed;
  if (typeof message !== 'string') return undefined;
  const fields = Object.fromEntries(Object.entries(rest).filter(([name]) => !HOUSEKEEPING.has(name)));
  return { level: typeof level === 'string' ? level.toLowerCase() : 'info', message, fields };
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
