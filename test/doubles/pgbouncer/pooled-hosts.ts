import { type NeonProxy, startNeonProxy } from '../../../src/local/neon-proxy/proxy.ts';
import { openPostgresTarget } from '../../../src/target/postgres/postgres-target.ts';
import type { TargetSurvey } from '../../../src/target/survey.ts';
import type { Target } from '../../../src/target/target.ts';
import type { Fixture } from '../../postgres/fixture.ts';

/** The fixture's database behind both of Neon's hosts: the pooled one leads to `pooler`. */
export interface PooledHosts {
  /** Postgres' URL, through the pooler. */
  readonly pooledUrl: string;
  /** A target as it is configured for Neon, with a URL for each host. */
  openTarget(): Target & TargetSurvey;
  close(): Promise<void>;
}

export async function openPooledHosts(
  fixture: Fixture,
  pooler: { readonly host: string; readonly port: number },
): Promise<PooledHosts> {
  const { hostname, port } = new URL(fixture.url);
  const pooled = new URL(fixture.url);
  pooled.hostname = pooler.host;
  pooled.port = String(pooler.port);
  const proxy: NeonProxy = await startNeonProxy({
    postgres: { host: hostname, port: Number(port), url: () => fixture.url },
    pooler,
  });
  return {
    pooledUrl: pooled.href,
    openTarget: () =>
      openPostgresTarget({ url: pooled.href, directUrl: fixture.url, localProxy: proxy.address }),
    close: () => proxy.close(),
  };
}
