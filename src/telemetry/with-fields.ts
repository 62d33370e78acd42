import type { Log } from './log.ts';

/** A log that adds these fields to every entry; an entry's own field of the same name wins. */
export function withFields(log: Log, persistent: Readonly<Record<string, unknown>>): Log {
  return {
    info: (message, fields) => log.info(message, { ...persistent, ...fields }),
    warn: (message, fields) => log.warn(message, { ...persistent, ...fields }),
    error: (message, fields) => log.error(message, { ...persistent, ...fields }),
  };
}
