import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import * as z from 'zod';
import { ERROR_POLICY, type ErrorKind } from '../error/error-kind.ts';
import { SyncError } from '../error/sync-error.ts';
import { clientSettings } from './client-settings.ts';
import { controlPlaneError } from './control-plane-error.ts';

/** A kind that a later version made is of no use here. */
const errorKind = z.enum(Object.keys(ERROR_POLICY) as [ErrorKind, ...ErrorKind[]]).catch('internal');

const answer = z.discriminatedUnion('outcome', [
  z.object({
    outcome: z.literal('sent'),
    work: z.enum(['snapshot', 'window', 'retry']),
    opened: z.boolean(),
  }),
  z.object({ outcome: z.literal('idle') }),
  z.object({ outcome: z.literal('busy') }),
  z.object({ outcome: z.literal('paused') }),
  z.object({
    outcome: z.literal('halted'),
    cause: z.object({ kind: errorKind, message: z.string(), remedy: z.string(), at: z.number() }),
  }),
]);

/** What the planner function said that it did. */
export type InvokedTick = z.infer<typeof answer>;

/** What Lambda tells of a function that failed. */
const failure = z.object({ errorType: z.string().optional(), errorMessage: z.string().optional() });

export interface InvokedFunction {
  readonly region: string;
  /** Name or ARN of the planner. */
  readonly functionName: string;
}

export interface PlannerEvent {
  readonly sync: string;
  readonly byPerson: boolean;
  readonly retryRejected: boolean;
}

export interface InvokedPlanner {
  /**
   * One tick of the deployed planner, whose end it waits for. Throws what the planner threw, by its kind; the kinds of
   * `controlPlaneError`; and `internal` for a function that ended without an answer.
   */
  tick(event: PlannerEvent, signal: AbortSignal): Promise<InvokedTick>;
  close(): void;
}

/** Longer than the function itself may take. */
const TIMEOUT_MS = 5 * 60_000;

export function openPlanner({ region, functionName }: InvokedFunction): InvokedPlanner {
  const lambda = new LambdaClient(clientSettings(region, { requestTimeoutMs: TIMEOUT_MS }));
  return {
    async tick(event, signal) {
      const command = new InvokeCommand({
        FunctionName: functionName,
        InvocationType: 'RequestResponse',
        Payload: JSON.stringify(event),
      });
      const thing = { name: `the function ${functionName}`, region, right: 'lambda:InvokeFunction' };
      const invoked = await lambda.send(command, { abortSignal: signal }).catch((thrown: unknown) => {
        throw controlPlaneError(thrown, thing, signal);
      });
      const payload = parseJson(invoked.Payload?.transformToString());
      if (invoked.FunctionError !== undefined) throw plannerFailure(payload, event.sync);
      const parsed = answer.safeParse(payload);
      if (parsed.success) return parsed.data;
      throw new SyncError(
        'internal',
        'The planner function answered what this version of Lakeferry does not know.',
        { sync: event.sync },
        { remedy: 'npx cdk deploy, or use the version of Lakeferry that deployed it' },
      );
    },
    close: () => lambda.destroy(),
  };
}

/** The planner gives its errors the name of their kind. What else ends a function, Lambda itself names. */
function plannerFailure(payload: unknown, sync: string): SyncError {
  const { errorType = 'unknown', errorMessage } = failure.catch({}).parse(payload);
  if (errorType === 'config_invalid') {
    const message = `${errorMessage ?? ''} So says the configuration that is deployed.`;
    return new SyncError('config_invalid', message, { sync }, { remedy: 'npx cdk deploy' });
  }
  if (Object.hasOwn(ERROR_POLICY, errorType) && errorMessage !== undefined) {
    return new SyncError(errorType as ErrorKind, errorMessage, { sync });
  }
  return new SyncError(
    'internal',
    `The planner function failed (${errorType}); its log says why.`,
    { sync },
    { remedy: 'lakeferry logs --since 15m' },
  );
}

function parseJson(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return undefined;
  }
}
