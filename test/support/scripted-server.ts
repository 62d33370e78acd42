import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** `hold` never answers. */
export type ScriptedAnswer =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body: string }
  | 'hold';

export interface ScriptedServer {
  readonly endpoint: string;
  /** Bodies of the requests so far. */
  readonly requests: readonly string[];
  /** Resolves when the next request is in. */
  nextRequest(): Promise<void>;
  close(): Promise<void>;
}

/** An HTTP server on loopback that answers each request as the script says, for what the emulators cannot do. */
export async function startScriptedServer(
  answer: (body: string, request: IncomingMessage) => ScriptedAnswer | Promise<ScriptedAnswer>,
): Promise<ScriptedServer> {
  const requests: string[] = [];
  const waiting: (() => void)[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const body = Buffer.concat(parts).toString();
    requests.push(body);
    const answered = await answer(body, request);
    for (const resolve of waiting.splice(0)) resolve();
    if (answered === 'hold') return;
    response.writeHead(answered.status, {
      'content-type': 'application/x-amz-json-1.0',
      ...answered.headers,
    });
    response.end(answered.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: `http://127.0.0.1:${port}`,
    requests,
    nextRequest: () => new Promise((resolve) => waiting.push(resolve)),
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An endpoint on loopback where nobody listens. */
export async function deadEndpoint(): Promise<string> {
  const server = await startScriptedServer(() => 'hold');
  await server.close();
  return server.endpoint;
}
