import type { Command } from 'commander';
import { allSettings, findSetting, type Setting } from '../../config/setting.ts';
import {
  ERROR_POLICY,
  type ErrorAction,
  type ErrorKind,
  isOfCommands,
  remedyFor,
} from '../../error/error-kind.ts';
import { errorPage } from '../../error/error-page.ts';
import { type CliIo, widthOf } from '../io.ts';
import { jsonDocument } from '../json-document.ts';
import { jsonOption } from '../options.ts';
import { type Style, styleFor } from '../style.ts';
import { layoutFor, renderTable } from '../table.ts';
import { entry, wrap } from '../text.ts';
import { UsageError } from '../usage-error.ts';

export function registerExplain(program: Command, io: CliIo): void {
  program
    .command('explain')
    .helpGroup('More')
    .summary('one setting or error')
    .description(
      'Explains a setting of lakeferry.yaml (syncs.deletes, or deletes alone) or a kind of error (retention_gap). Without a name it lists the settings.',
    )
    .argument('[name]', 'a setting or a kind of error')
    .addOption(jsonOption())
    .addHelpText(
      'after',
      '\nExamples:\n  lakeferry explain syncs.deletes\n  lakeferry explain retention_gap\n  lakeferry explain',
    )
    .action((name: string | undefined, { json }: { json?: true }) => {
      const page = name === undefined ? settingsPage(io) : pageOf(name, io);
      io.stdout.write(json ? jsonDocument(page.json) : `${page.lines.join('\n')}\n`);
    });
}

interface HelpPage {
  readonly lines: readonly string[];
  readonly json: Readonly<Record<string, unknown>>;
}

function pageOf(name: string, io: CliIo): HelpPage {
  const style = styleFor(io.stdout, io.env);
  const width = Math.min(widthOf(io.stdout), 100);
  if (Object.hasOwn(ERROR_POLICY, name)) return kindPage(name as ErrorKind, width, style);
  const search = findSetting(name);
  switch (search.outcome) {
    case 'found':
      return settingPage(search.setting, width, style);
    case 'ambiguous': {
      const names = search.paths.map(typed);
      throw new UsageError(
        `"${name}" is the name of several settings: ${names.join(', ')}.`,
        `lakeferry explain ${names[0]}`,
      );
    }
    case 'unknown': {
      const near = search.suggestion === undefined ? '' : ` ${typed(search.suggestion)}`;
      throw new UsageError(
        `"${name}" is neither a setting of lakeferry.yaml nor a kind of error.`,
        `lakeferry explain${near}`,
      );
    }
  }
}

function settingPage(setting: Setting, width: number, style: Style): HelpPage {
  const { path, description, type, required, examples, below } = setting;
  const direct = below.filter(
    (each) =>
      !each
        .slice(path.length + 1)
        .replace(/^<\w+>\./, '')
        .includes('.'),
  );
  const facts: readonly (readonly [string, string])[] = [
    ['type', type],
    ...(required ? [['required', 'yes'] as const] : []),
    ...(setting.default === undefined || type === 'settings'
      ? []
      : [['default', yaml(setting.default)] as const]),
    ...(examples.length === 0 ? [] : [['example', examples.map(yaml).join('  or  ')] as const]),
    ...(direct.length === 0 ? [] : [['below it', direct.map(typed).join(', ')] as const]),
  ];
  return {
    lines: [
      style.bold(path),
      '',
      ...wrap(description, width - 2).map((line) => `  ${line}`),
      '',
      ...facts.flatMap(([fact, text]) => entry(fact, text, 8, width)),
    ],
    json: { setting },
  };
}

const MEANING: Readonly<Record<ErrorAction, string>> = {
  retry: 'Lakeferry tries again by itself, with a backoff.',
  replan:
    'Lakeferry drops the plan, looks again and makes another; the sync is halted where rows in the target stand in the way.',
  halt: 'The sync is halted until somebody acts. The target stays whole at its version.',
  refuse: 'The command did not start; nothing was run.',
};

const COMMAND_FAILED =
  'The command could not be carried out, and may succeed when it is run again. No sync is touched by it.';

function kindPage(kind: ErrorKind, width: number, style: Style): HelpPage {
  const { action } = ERROR_POLICY[kind];
  const remedy = remedyFor(kind, undefined);
  const docs = errorPage(kind);
  const meaning = action === 'retry' && isOfCommands(kind) ? COMMAND_FAILED : MEANING[action];
  return {
    lines: [
      style.bold(kind),
      '',
      ...entry('means', meaning, 8, width),
      ...entry('remedy', remedy, 8, width),
      ...entry('docs', docs, 8, width),
    ],
    json: { error: { kind, action, remedy, docs } },
  };
}

function settingsPage(io: CliIo): HelpPage {
  const settings = allSettings().filter((setting) => setting.below.length === 0);
  const style = styleFor(io.stdout, io.env);
  const lines = renderTable(
    [
      { header: 'SETTING', cell: ({ path }: Setting) => typed(path), paint: () => style.bold },
      { header: 'TYPE', cell: ({ type }) => type },
      {
        header: 'DEFAULT',
        cell: (setting) => (setting.required ? '(required)' : yaml(setting.default ?? '')),
      },
    ],
    settings,
    { layout: layoutFor(io.stdout), width: widthOf(io.stdout), style },
  );
  return { lines, json: { settings } };
}

/** A path as it is typed: `<sync>` would be a redirection to a shell. */
function typed(path: string): string {
  return path.replaceAll(/\.<\w+>/g, '');
}

/** A value as it stands in the file. */
function yaml(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(yaml).join(', ')}]`;
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
