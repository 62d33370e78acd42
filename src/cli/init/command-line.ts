import { CONFIG_FILE } from '../../config/config-file.ts';
import { looksSecret } from '../../config/secret-text.ts';
import type { InitFlags } from './flags.ts';
import { type Word, wordText } from './interview.ts';

/** The command line that was typed, without what might be a secret: to be shown, and typed again with a flag more. */
export function commandLine(flags: InitFlags, table?: string): readonly Word[] {
  const values: readonly (readonly [string, string | undefined])[] = [
    ['--name', flags.name],
    ['--target', flags.target],
    ['--key', flags.key],
    ['--exclude', flags.exclude],
    ['--schedule', flags.schedule],
    ['--host', flags.host],
    ['--http-path', flags.httpPath],
    ['--databricks-secret', flags.databricksSecret],
    ['--neon-secret', flags.neonSecret],
    ['--region', flags.region],
    ...configValue(flags),
  ];
  return [
    { name: 'lakeferry init' },
    ...(table === undefined ? [] : [{ name: table }]),
    ...values.flatMap(([name, value]) =>
      value === undefined || looksSecret(value) ? [] : [{ name, value }],
    ),
    ...(flags.local ? [{ name: '--local' }] : []),
    ...(flags.look ? [] : [{ name: '--no-look' }]),
    ...(flags.yes ? [{ name: '--yes' }] : []),
    ...(flags.dryRun ? [{ name: '--dry-run' }] : []),
    ...(flags.json ? [{ name: '--json' }] : []),
  ];
}

/** The last line of the answer. */
export function nextCommand(sync: string, flags: InitFlags): string {
  const words: readonly Word[] = [
    { name: 'lakeferry doctor', value: sync },
    ...configValue(flags).map(([name, value]) => ({ name, value })),
    ...(flags.local ? [{ name: '--local' }] : []),
  ];
  return words.map(wordText).join(' ');
}

function configValue({ config }: InitFlags): readonly (readonly [string, string])[] {
  return config === CONFIG_FILE ? [] : [['--config', config]];
}
