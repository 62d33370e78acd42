import { createInterface } from 'node:readline/promises';
import type { CliIo } from './io.ts';

/**
 * Asks at a terminal. While a question stands there, Ctrl-C and Ctrl-D are keys and no signals: both are told to
 * `interrupt`, and the question rejects.
 */
export function askAt(
  input: NodeJS.ReadableStream,
  output: NodeJS.WritableStream,
  interrupt: () => void,
): NonNullable<CliIo['ask']> {
  return async (question, signal) => {
    const terminal = createInterface({ input, output });
    try {
      return await terminal.question(question, { signal });
    } catch (thrown) {
      interrupt();
      throw thrown;
    } finally {
      terminal.close();
    }
  };
}
