import type { Command } from 'commander';
import stringWidth from 'string-width';
import type { Style } from './style.ts';
import { padEnd } from './text.ts';

/** The groups of commands in the order in which a person needs them. */
export const GROUPS = ['Begin', 'Run', 'Repair', 'More'] as const;

export type Group = (typeof GROUPS)[number];

export const EXIT_CODES =
  'exit codes: 0 done, 1 fault, 2 usage or configuration, 3 needs you, 130 interrupted';

/** One screen: what this is, every command under its group, how to go on. */
export function renderOverview(program: Command, style: Style, width: number): string {
  const commands = program.createHelp().visibleCommands(program);
  const names = Math.max(...commands.map((command) => command.name().length));
  const cells = commands.map((command) => ({
    group: groupOf(command),
    text: `${style.bold(padEnd(command.name(), names))}  ${command.summary()}`,
  }));
  const cellWidth = Math.max(...cells.map(({ text }) => stringWidth(text)));
  const groupWidth = Math.max(...GROUPS.map((group) => group.length));
  const perLine = 2 + groupWidth + 2 + 2 * cellWidth + 4 <= width ? 2 : 1;
  const lines = GROUPS.flatMap((group) => {
    const texts = cells.filter((cell) => cell.group === group).map((cell) => cell.text);
    return chunks(texts, perLine).map((row, index) => {
      const label = style.dim(padEnd(index === 0 ? group : '', groupWidth));
      return `  ${label}  ${row.map((text) => padEnd(text, cellWidth)).join('    ')}`.trimEnd();
    });
  });
  return [
    'lakeferry keeps Neon Postgres equal to Databricks Delta tables.',
    '',
    ...lines,
    '',
    'one command in full: lakeferry <command> --help',
    EXIT_CODES,
    '',
  ].join('\n');
}

function groupOf(command: Command): Group {
  const group = GROUPS.find((each) => each === command.helpGroup());
  return group ?? 'More';
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
