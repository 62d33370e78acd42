import { pathToFileURL } from 'node:url';
import { createLambdaContext } from '../../src/local/lambda-context.ts';

/**
 * What Lambda's runtime is to a bundle, in a process of its own: its working folder is the bundle's, its environment the
 * function's, events and answers are JSON texts. Stands also in the place of Neon's DNS: what would go to Neon's proxy
 * goes to the local one, which LAMBDA_HOST_NEON names.
 */

export interface Invocation {
  readonly id: number;
  readonly event: string;
  readonly timeoutMs: number;
}

export type HostMessage =
  | { readonly ready: { readonly importCpuMs: number } }
  | { readonly id: number; readonly answer: string; readonly memoryMb: number }
  | { readonly id: number; readonly error: string };

type Handler = (event: unknown, context: unknown) => Promise<unknown>;

const send = (message: HostMessage) => process.send?.(message);
const { LAMBDA_HOST_NEON: neon, LAMBDA_HOST_POSTGRES: postgres, _HANDLER: handlerName = '' } = process.env;

globalThis.WebSocket = class extends WebSocket {
  constructor(_url: string | URL, protocols?: ConstructorParameters<typeof WebSocket>[1]) {
    super(`ws://${neon}/v2?address=${postgres}`, protocols);
  }
};

const [file, name = ''] = handlerName.split('.');
const before = process.cpuUsage();
const bundle = (await import(pathToFileURL(`${process.cwd()}/${file}.mjs`).href)) as Record<string, Handler>;
const { user, system } = process.cpuUsage(before);
send({ ready: { importCpuMs: (user + system) / 1_000 } });

process.on('message', async ({ id, event, timeoutMs }: Invocation) => {
  try {
    const context = createLambdaContext(process.env['AWS_LAMBDA_FUNCTION_NAME'] ?? '', timeoutMs);
    const answer = JSON.stringify(await bundle[name]?.(JSON.parse(event), context));
    send({ id, answer, memoryMb: process.memoryUsage().rss / 2 ** 20 });
  } catch (error) {
    send({ id, error: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  }
});
