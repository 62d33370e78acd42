import { once } from 'node:events';
import { connect } from 'node:net';
import { canceled, EngineError } from '../engine.ts';
import { sparkError } from './errors.ts';
import type { SparkAddress } from './process.ts';

const LINE_END = 10;

/** What came back: the answer, and the bytes behind it, which end with the connection. */
export interface Answer {
  readonly answer: Readonly<Record<string, unknown>>;
  readonly rest: AsyncIterable<Uint8Array>;
}

/**
 * Asks the bridge for one thing, over a connection of its own; when `signal` aborts, the bridge stops the statement.
 * Throws EngineError for what Spark refuses.
 */
export async function ask(
  { port, token }: SparkAddress,
  request: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<Answer> {
  if (signal?.aborted) throw canceled();
  const socket = connect({ host: '127.0.0.1', port });
  const stop = () => socket.destroy(canceled());
  signal?.addEventListener('abort', stop, { once: true });
  socket.once('close', () => signal?.removeEventListener('abort', stop));
  try {
    await once(socket, 'connect');
    socket.write(`${JSON.stringify({ token, ...request })}\n`);
    const chunks = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    const { line, behind } = await readLine(chunks);
    const answer = JSON.parse(line) as Record<string, unknown>;
    if ('error' in answer) throw sparkError(answer['error'] as Parameters<typeof sparkError>[0]);
    return { answer, rest: follow(behind, chunks, () => socket.destroy()) };
  } catch (thrown) {
    socket.destroy();
    if (signal?.aborted) throw canceled();
    if (thrown instanceof EngineError) throw thrown;
    throw new EngineError('INTERNAL_ERROR', 'XX000', 'Spark is gone.', { cause: thrown });
  }
}

async function readLine(chunks: AsyncIterator<Buffer>): Promise<{ line: string; behind: Buffer }> {
  let read = Buffer.alloc(0);
  for (;;) {
    const end = read.indexOf(LINE_END);
    if (end >= 0) return { line: read.toString('utf8', 0, end), behind: read.subarray(end + 1) };
    const next = await chunks.next();
    if (next.done) throw new Error('The bridge closed the connection.');
    read = Buffer.concat([read, next.value]);
  }
}

async function* follow(
  first: Buffer,
  chunks: AsyncIterator<Buffer>,
  close: () => void,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.length > 0) yield first;
    for (let next = await chunks.next(); !next.done; next = await chunks.next()) yield next.value;
  } finally {
    close();
  }
}
