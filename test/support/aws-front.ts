import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, type ServerResponse, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/**
 * What becomes of a call to SQS or DynamoDB. The SDK repeats a call that fails up to four times: a fault that is to
 * be seen by its caller strikes four times or more.
 */
export type AwsFault =
  /** The connection breaks before the service sees the call. */
  | 'refused'
  /** The service does what was asked; its answer is lost. */
  | 'answerLost'
  /** Nothing comes back, and the service never saw the call. */
  | 'silent'
  | 'serverError'
  | 'throttled'
  /** The service gets the call twice: what SQS does to a message now and then. */
  | 'doubled'
  /** Messages are visible a second or two later, each in its own time: they overtake one another. */
  | 'late';

export interface AwsRule {
  /** Name of the API action, e.g. `SendMessageBatch`; any of them when absent. */
  readonly action?: string;
  /** So many calls pass first. */
  readonly skip?: number;
  readonly times: number;
  readonly fault: AwsFault;
}

/** The faults of a front, scripted at run time. */
export class AwsFaults {
  readonly #armed: { readonly rule: AwsRule; seen: number; fired: number }[] = [];
  readonly #silenced = new Set<ServerResponse>();

  /** Each rule sees every call of its action; of several that strike, the first. The count is live. */
  add(rule: AwsRule): { readonly fired: number } {
    const armed = { rule, seen: 0, fired: 0 };
    this.#armed.push(armed);
    return armed;
  }

  /** No rule strikes any more; calls that wait for an answer fail. */
  clear(): void {
    this.#armed.length = 0;
    for (const response of this.#silenced) response.destroy();
    this.#silenced.clear();
  }

  take(action: string): AwsFault | undefined {
    const looking = this.#armed.filter(({ rule }) => rule.action === undefined || rule.action === action);
    for (const armed of looking) armed.seen += 1;
    const armed = looking.find(({ rule, seen, fired }) => fired < rule.times && seen > (rule.skip ?? 0));
    if (armed === undefined) return undefined;
    armed.fired += 1;
    return armed.rule.fault;
  }

  silence(response: ServerResponse): void {
    this.#silenced.add(response);
    response.once('close', () => this.#silenced.delete(response));
  }
}

export interface AwsFront {
  /** `http://127.0.0.1:<port>`, in place of the service's own. */
  readonly endpoint: string;
  close(): Promise<void>;
}

/** Stands between the SDK and a local service, and breaks calls as it is told. */
export async function startAwsFront(endpoint: string, faults: AwsFaults): Promise<AwsFront> {
  const agent = new Agent({ keepAlive: true });
  const server = createServer((request, response) => {
    handle(new URL(endpoint), agent, faults, request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      faults.clear();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}

async function handle(
  service: URL,
  agent: Agent,
  faults: AwsFaults,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await buffer(request);
  const action = String(request.headers['x-amz-target'] ?? '').replace(/^.*\./, '');
  const fault = faults.take(action);
  switch (fault) {
    case 'refused':
      response.destroy();
      return;
    case 'silent':
      faults.silence(response);
      return;
    case 'serverError':
      answerError(response, 500, 'InternalServerError');
      return;
    case 'throttled':
      answerError(response, 400, 'ThrottlingException');
      return;
    case 'answerLost':
      await pass(service, agent, request, body);
      response.destroy();
      return;
    case 'doubled':
      await pass(service, agent, request, body);
      break;
    case 'late':
    case undefined:
      break;
    default:
      fault satisfies never;
  }
  const answer = await pass(service, agent, request, fault === 'late' ? delayed(body) : body);
  response.writeHead(answer.status, answer.headers);
  response.end(answer.body);
}

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** The Host header stays the caller's: the queue's URL that a service answers with then leads back to the front. */
async function pass(service: URL, agent: Agent, request: IncomingMessage, body: Buffer): Promise<Answer> {
  const sent = send({
    agent,
    host: service.hostname,
    port: service.port,
    method: request.method,
    path: request.url,
    headers: { ...request.headers, 'content-length': body.length },
  });
  sent.end(body);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return { status: answer.statusCode ?? 502, headers: answer.headers, body: await buffer(answer) };
}

function answerError(response: ServerResponse, status: number, type: string): void {
  response.writeHead(status, { 'content-type': 'application/x-amz-json-1.0' });
  response.end(JSON.stringify({ __type: type, message: 'A scripted fault.' }));
}

/** The entries of a SendMessageBatch, the later ones sooner. */
function delayed(body: Buffer): Buffer {
  const batch = JSON.parse(body.toString()) as { readonly Entries?: readonly object[] };
  const Entries = batch.Entries?.map((entry, index) => ({ ...entry, DelaySeconds: 2 - (index % 3) }));
  return Buffer.from(JSON.stringify({ ...batch, ...(Entries === undefined ? {} : { Entries }) }));
}
