import type { CliIo } from './io.ts';
import { UsageError } from './usage-error.ts';

/**
 * A person types the sync's name before something is done that cannot be undone; `--yes` says so beforehand. Throws
 * `usage` for any other answer, and where nobody can be asked.
 */
export async function confirmSync(
  sync: string,
  command: string,
  flags: { readonly yes?: true },
  io: CliIo,
): Promise<void> {
  if (flags.yes) return;
  if (io.ask === undefined) {
    throw new UsageError('There is no terminal to ask for a confirmation.', `${command} --yes`);
  }
  const answer = await io.ask(`Type the name of the sync to go on: `, io.signal);
  if (answer.trim() === sync) return;
  throw new UsageError('That is not the name of the sync; nothing was changed.', command);
}
