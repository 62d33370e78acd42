import type { Page } from '../../source/source.ts';

/** Small pages are gathered up to this, large ones are cut: one write to the driver each. */
export const COPY_BUFFER_BYTES = 512 * 1024;

/**
 * The lines of the pages as COPY data, each ended by a newline, in buffers of about `COPY_BUFFER_BYTES`.
 * `lastField`, where given, becomes one more field of every line; it must need no escaping.
 */
export async function* copyBuffers(
  pages: AsyncIterable<Page>,
  lastField: string | undefined,
): AsyncGenerator<Buffer, void, undefined> {
  const end = lastField === undefined ? '\n' : `\t${lastField}\n`;
  let gathered: string[] = [];
  let length = 0;
  for await (const { rows, payload } of pages) {
    if (rows === 0) continue;
    // A newline inside a value is escaped: each one here ends a line.
    gathered.push(lastField === undefined ? payload : payload.replaceAll('\n', end), end);
    length += payload.length;
    if (length < COPY_BUFFER_BYTES) continue;
    yield* cut(Buffer.from(gathered.join('')));
    gathered = [];
    length = 0;
  }
  if (gathered.length > 0) yield* cut(Buffer.from(gathered.join('')));
}

function* cut(bytes: Buffer): Generator<Buffer, void, undefined> {
  for (let start = 0; start < bytes.length; start += COPY_BUFFER_BYTES) {
    yield bytes.subarray(start, start + COPY_BUFFER_BYTES);
  }
}
