import { inspect } from 'node:util';
import type { Connections, DatabricksConnection, NeonConnection } from './connections.ts';

/**
 * The same value, which prints, inspects and turns to JSON as `shown`. Its properties stay as they are, so that it
 * can be read and copied; a copy made by spreading shows everything again.
 */
function concealed<T extends object>(value: T, shown: unknown): T {
  const hidden = { enumerable: false, configurable: true };
  return Object.defineProperties(value, {
    toJSON: { ...hidden, value: () => shown },
    toString: { ...hidden, value: () => JSON.stringify(shown) },
    [inspect.custom]: { ...hidden, value: () => shown },
  });
}

export function concealAuth(auth: DatabricksConnection['auth']): DatabricksConnection['auth'] {
  const { kind } = auth;
  return concealed({ ...auth }, { kind, secret: '(hidden)' });
}

/** Shows the hosts and the database, never user or password. */
export function concealNeon(neon: NeonConnection): NeonConnection {
  const { localProxy } = neon;
  const shown = {
    url: withoutCredentials(neon.url),
    ...(neon.directUrl !== undefined && { directUrl: withoutCredentials(neon.directUrl) }),
    ...(localProxy !== undefined && { localProxy }),
  };
  return concealed({ ...neon }, shown);
}

/** Keeps the secrets of connections made elsewhere, such as by the local stack, out of every print of them. */
export function concealConnections(connections: Connections): Connections {
  const { databricks, neon, aws } = connections;
  return { databricks: { ...databricks, auth: concealAuth(databricks.auth) }, neon: concealNeon(neon), aws };
}

function withoutCredentials(url: string): string {
  const parsed = URL.parse(url);
  return parsed ? `${parsed.protocol}//${parsed.host}${parsed.pathname}` : '(hidden)';
}
