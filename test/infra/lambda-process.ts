import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { HostMessage, Invocation } from './lambda-host.ts';

/** One sandbox of a deployed function. */
export interface LambdaProcess {
  /** From the start of its import to its end. */
  readonly importCpuMs: number;
  /** What the function wrote so far. */
  readonly log: readonly string[];
  /** Most memory after an invocation. */
  readonly peakMemoryMb: () => number;
  invoke(event: unknown): Promise<unknown>;
  close(): Promise<void>;
}

export interface LambdaProcessOptions {
  /** Folder of the bundle. */
  readonly folder: string;
  /** `index.handler`. */
  readonly handler: string;
  /** All that its environment holds. */
  readonly environment: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
}

/** Node shows the line at fault, which is the whole bundle. */
const MAX_TOLD = 2_000;

export async function startLambda(options: LambdaProcessOptions): Promise<LambdaProcess> {
  const { folder, handler, environment, timeoutMs } = options;
  const child = fork(join(import.meta.dirname, 'lambda-host.ts'), {
    cwd: folder,
    env: { ...environment, _HANDLER: handler, LAMBDA_TASK_ROOT: folder },
    execArgv: [],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  const log: string[] = [];
  for (const output of [child.stdout, child.stderr]) {
    output?.setEncoding('utf8').on('data', (text: string) => log.push(text));
  }
  const gone = once(child, 'close');
  const ready = await Promise.race([nextMessage(child), gone.then(() => undefined)]);
  if (ready === undefined || !('ready' in ready))
    throw new Error(`the bundle does not load: ${log.join('').slice(-MAX_TOLD)}`);

  let invocations = 0;
  let peakMemoryMb = 0;
  return {
    importCpuMs: ready.ready.importCpuMs,
    log,
    peakMemoryMb: () => peakMemoryMb,
    async invoke(event) {
      const id = invocations++;
      const answered = answerTo(child, id);
      child.send({ id, event: JSON.stringify(event), timeoutMs } satisfies Invocation);
      const message = await Promise.race([answered, gone.then(() => undefined)]);
      if (message === undefined) throw new Error(`the function ended: ${log.join('').slice(-MAX_TOLD)}`);
      if (!('answer' in message)) throw new Error('error' in message ? message.error : 'no answer');
      peakMemoryMb = Math.max(peakMemoryMb, message.memoryMb);
      return message.answer === undefined ? undefined : JSON.parse(message.answer);
    },
    async close() {
      child.kill();
      await gone;
    },
  };
}

async function nextMessage(child: ChildProcess): Promise<HostMessage> {
  const [message] = await once(child, 'message');
  return message as HostMessage;
}

function answerTo(child: ChildProcess, id: number): Promise<HostMessage> {
  return new Promise((resolve) => {
    child.on('message', function listen(message: HostMessage) {
      if (!('id' in message) || message.id !== id) return;
      child.off('message', listen);
      resolve(message);
    });
  });
}
