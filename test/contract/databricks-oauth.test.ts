import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DBSQLClient } from '@databricks/sql';
import {
  DatabricksOAuthManager,
  OAuthFlow,
} from '@databricks/sql/dist/connection/auth/DatabricksOAuth/OAuthManager.js';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { driverOptions } from '../../src/source/databricks/client.ts';
import { sourceError } from '../../src/source/databricks/errors.ts';

const AUTH = { kind: 'oauth', clientId: 'client', clientSecret: 'hunter2' } as const;

let server: Server;
let origin: string;
let answer: { readonly status: number; readonly body: string } | 'none';

beforeAll(async () => {
  server = createServer((request, response) => {
    if (request.url?.includes('.well-known')) {
      response.end(JSON.stringify({ issuer: origin, token_endpoint: `${origin}/token` }));
    } else if (answer !== 'none') {
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server?.closeAllConnections();
  server?.close();
});

/** The driver's own, but for the address: it knows OAuth for the vendor's domains alone. */
class LocalOAuth extends DatabricksOAuthManager {
  protected override getOIDCConfigUrl(): string {
    return `${origin}/.well-known/oauth-authorization-server`;
  }
}

function token(): Promise<unknown> {
  const context = { getConnectionProvider: async () => ({ getAgent: async () => undefined }) };
  const { clientId, clientSecret } = AUTH;
  return new LocalOAuth({
    flow: OAuthFlow.M2M,
    host: 'local',
    clientId,
    clientSecret,
    context: context as never,
  }).getToken([]);
}

it.each([
  [
    401,
    { error: 'invalid_client', error_description: 'Client authentication failed' },
    'source_unauthorized',
  ],
  [400, { error: 'invalid_client' }, 'source_unauthorized'],
  [403, {}, 'source_unauthorized'],
  [429, {}, 'source_unavailable'],
  [503, { error: 'temporarily_unavailable' }, 'source_unavailable'],
])('reads status %i of the token endpoint', async (status, body, kind) => {
  answer = { status, body: JSON.stringify(body) };
  const thrown = await token().catch((error: unknown) => error);
  const error = sourceError(thrown, { table: 'main.gold.x' });
  expect(error.kind).toBe(kind);
  expect(error.message).toContain(`HTTP status ${status}`);
});

it('takes a token endpoint that does not answer for a warehouse out of reach', async () => {
  answer = 'none';
  const thrown = await token().catch((error: unknown) => error);
  expect(sourceError(thrown, {}).kind).toBe('source_unavailable');
});

it.each(['dbc-a1b2c3d4-e5f6.cloud.databricks.com', 'adb-1234567890123456.7.azuredatabricks.net'])(
  'asks the workspace %s itself for a token: its secret is none of another directory',
  (host) => {
    const client = new DBSQLClient({ logger: { log() {} } }) as unknown as {
      createAuthProvider(options: unknown): { getManager(): { getOIDCConfigUrl(): string } };
    };
    const provider = client.createAuthProvider(driverOptions({ host, port: 443, path: '/', auth: AUTH }));
    expect(new URL(provider.getManager().getOIDCConfigUrl()).host).toBe(host);
  },
);

it('says that a host has no OAuth, and that a token would do', async () => {
  const client = new DBSQLClient({ logger: { log() {} } });
  const host = 'dbc-a1b2c3d4-e5f6.cloud.databricks.us';
  await client.connect(driverOptions({ host, port: 443, path: '/', auth: AUTH }));
  const thrown = await client.openSession().catch((error: unknown) => error);
  expect(sourceError(thrown, {})).toMatchObject({
    kind: 'source_unauthorized',
    message: expect.stringContaining('only a token opens it'),
  });
});
