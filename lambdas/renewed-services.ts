import type { ErrorKind } from '../src/error/error-kind.ts';
import { asSyncError } from '../src/error/sync-error.ts';
import type { Services } from '../src/sync/services.ts';

/** The two databases of a sync, with the way into them that was valid when they were opened. */
export type Ends = Pick<Services, 'source' | 'target'>;
type Side = keyof Ends;

const REFUSED = { source_unauthorized: 'source', target_unauthorized: 'target' } as const satisfies Partial<
  Record<ErrorKind, Side>
>;

/**
 * Services that outlive a change of their secrets. A call that a database refuses for its credentials is made once
 * again on a connection from `open`, which fetches the secrets anew; what it throws then stands, and so does the first
 * refusal where the secrets cannot be fetched. The other database's connection, which may be in the middle of the
 * call's transaction, is left as it is.
 */
export function renewedServices<S extends Services>(services: S, open: () => Promise<Ends>): S {
  const current: Record<Side, Ends[Side]> = { source: services.source, target: services.target };
  const renewals = new Map<Ends[Side], Promise<void>>();
  const underWay = new Map<Ends[Side], number>();

  function count(end: Ends[Side], change: 1 | -1): void {
    underWay.set(end, (underWay.get(end) ?? 0) + change);
    closeUnused(end);
  }

  /** To close it earlier would cancel calls that were not refused. */
  function closeUnused(end: Ends[Side]): void {
    if (underWay.get(end) !== 0 || end === current.source || end === current.target) return;
    underWay.delete(end);
    void end.close().catch(() => {});
  }

  /** Calls that were refused together share one renewal. */
  function renew(side: Side, refused: Ends[Side]): Promise<void> {
    const renewal = renewals.get(refused) ?? replace(side, refused);
    renewals.set(refused, renewal);
    return renewal.finally(() => renewals.delete(refused));
  }

  async function replace(side: Side, refused: Ends[Side]): Promise<void> {
    if (current[side] !== refused) return;
    const opened = await open();
    current[side] = opened[side];
    services.log.info('secret fetched again', { database: side });
    closeUnused(refused);
  }

  async function callAgain(used: Ends, thrown: unknown, call: () => unknown): Promise<unknown> {
    const { kind } = asSyncError(thrown);
    if (!isRefusal(kind)) throw thrown;
    const side = REFUSED[kind];
    try {
      await renew(side, used[side]);
    } catch (unfetched) {
      const { kind: why, message } = asSyncError(unfetched);
      services.log.error('secret not fetched again', { database: side, kind: why, reason: message });
      throw thrown;
    }
    return call();
  }

  /** Answers that are not promised, as a stream of pages is, pass as they are: who reads them is in such a call. */
  function renewed<E extends Ends[Side]>(side: Side): E {
    return new Proxy({} as E, {
      get: (_, name) => {
        const call = (args: unknown[]) => {
          const end = current[side];
          const answer = (Reflect.get(end, name) as (...all: unknown[]) => unknown).apply(end, args);
          if (!(answer instanceof Promise)) return answer;
          count(end, 1);
          return answer.finally(() => count(end, -1));
        };
        return (...args: unknown[]) => {
          const used = { ...current } as Ends;
          const answer = call(args);
          if (!(answer instanceof Promise)) return answer;
          return answer.catch((thrown: unknown) => callAgain(used, thrown, () => call(args)));
        };
      },
    });
  }

  return {
    ...services,
    source: renewed<Ends['source']>('source'),
    target: renewed<Ends['target']>('target'),
  };
}

function isRefusal(kind: ErrorKind): kind is keyof typeof REFUSED {
  return kind in REFUSED;
}
