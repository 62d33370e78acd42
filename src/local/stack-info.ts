import { readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { concealConnections } from '../config/concealed.ts';
import type { Connections } from '../config/connections.ts';

/** How to reach a running local stack: what `lakeferry local up --json` prints and other commands read. */
const stackInfo = z.object({
  schemaVersion: z.literal(1),
  pid: z.int(),
  /** Superuser URL of the target database. */
  postgres: z.string(),
  /** `host:port` of Neon's WebSocket proxy. */
  neon: z.string(),
  warehouse: z.object({
    host: z.string(),
    port: z.int(),
    path: z.string(),
    token: z.string(),
    caCertFile: z.string(),
  }),
  aws: z.object({
    region: z.string(),
    sqs: z.string(),
    dynamodb: z.string(),
    chunkQueueUrl: z.string(),
    deadLetterQueueUrl: z.string(),
    checkpointTable: z.string(),
  }),
});

export type StackInfo = z.infer<typeof stackInfo>;

/** Folder of the stack's data, beside lakeferry.yaml. */
export const STACK_FOLDER = '.lakeferry';
/** The demo's own, so that it never touches the data of `lakeferry local up`. */
export const DEMO_FOLDER = '.lakeferry/demo';

export function stackFile(folder: string): string {
  return path.join(folder, 'stack.json');
}

/** Undefined unless a stack runs on this folder. */
export async function findStackInfo(folder: string): Promise<StackInfo | undefined> {
  const text = await readFile(stackFile(folder), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const info = stackInfo.parse(JSON.parse(text));
  return isRunning(info.pid) ? info : undefined;
}

export async function localConnections({ postgres, neon, warehouse, aws }: StackInfo): Promise<Connections> {
  const { host, port, path: httpPath, token, caCertFile } = warehouse;
  return concealConnections({
    databricks: {
      host,
      port,
      path: httpPath,
      auth: { kind: 'token', token },
      caCert: await readFile(caCertFile, 'utf8'),
    },
    neon: { url: postgres, localProxy: neon },
    aws: {
      region: aws.region,
      checkpointTable: aws.checkpointTable,
      chunkQueueUrl: aws.chunkQueueUrl,
      deadLetterQueueUrl: aws.deadLetterQueueUrl,
      local: { sqs: aws.sqs, dynamodb: aws.dynamodb },
    },
  });
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
