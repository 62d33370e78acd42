import { connect } from 'node:net';
import type { ProxyFaults } from './faults.ts';
import { Lane } from './lane.ts';
import type { WebSocketStream } from './web-socket.ts';

export interface ProxyConnection {
  /** The port that Postgres sees as its client's. */
  readonly localPort: number | undefined;
  /** Ends both sides at once. */
  drop(how: DropWay): void;
}

/**
 * `cut`: the WebSocket's stream ends without a word, as a broken network does; the driver then rejects with an
 * ErrorEvent on Node's own WebSocket. `close`: with a close frame, as a proxy that is being replaced does; it
 * rejects with "Connection terminated unexpectedly".
 */
export type DropWay = 'cut' | 'close';

/** Close codes of RFC 6455, section 7.4: the work is done; the server shuts down. */
const NORMAL = 1000;
const GOING_AWAY = 1001;

/** How much may wait in a socket before its source is paused. */
const MAX_BUFFERED_BYTES = 4 * 1024 * 1024;

/** Pipes bytes between a WebSocket and Postgres until either side ends; `onClosed` is called once. */
export function pipe(
  socket: WebSocketStream,
  head: Buffer,
  postgres: { readonly host: string; readonly port: number },
  faults: ProxyFaults,
  onClosed: () => void,
): ProxyConnection {
  const tcp = connect({ host: postgres.host, port: postgres.port, noDelay: true });
  const observe = faults.openObserver();
  let dropOnReply = false;
  let dropped = false;

  const toPostgres = new Lane(
    socket,
    (bytes) => {
      const passing = faults.takeByteLimit(bytes);
      if (passing !== undefined) return dropAfter(bytes.subarray(0, passing));
      const moment = faults.takeStatement(bytes) ?? observe?.(bytes);
      if (moment === 'before') return dropAfter(Buffer.alloc(0));
      if (moment === 'after') dropOnReply = true;
      if (!tcp.write(bytes)) toPostgres.setFull(tcp.writableLength > MAX_BUFFERED_BYTES);
    },
    faults,
  );
  const toClient = new Lane(
    tcp,
    (bytes) => {
      if (dropOnReply) return dropAfter(Buffer.alloc(0));
      socket.send(bytes, () => toClient.setFull(socket.bufferedBytes > MAX_BUFFERED_BYTES));
      if (socket.bufferedBytes > MAX_BUFFERED_BYTES) toClient.setFull(true);
    },
    faults,
  );

  /** The client sees a cut; Postgres gets these last bytes and an orderly end, so that it works through the rest. */
  function dropAfter(last: Buffer): void {
    if (dropped) return;
    dropped = true;
    faults.fired.dropped += 1;
    socket.terminate();
    tcp.end(last);
  }

  socket.start(
    head,
    (bytes) => toPostgres.deliver(bytes),
    () => {
      toPostgres.finish(() => tcp.end());
      onClosed();
    },
  );
  tcp.on('data', (bytes: Buffer) => toClient.deliver(bytes));
  tcp.on('drain', () => toPostgres.setFull(false));
  tcp.on('error', () => tcp.destroy());
  tcp.on('close', () => toClient.finish(() => socket.close(NORMAL)));

  return {
    get localPort() {
      return tcp.localPort;
    },
    drop(how) {
      faults.fired.dropped += 1;
      if (how === 'cut') socket.terminate();
      else socket.close(GOING_AWAY);
      tcp.destroy();
    },
  };
}
