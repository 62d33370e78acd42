import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { Command } from 'commander';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { createProgram, type Register, runCli } from '../../src/cli/program.ts';
import { Progress } from '../../src/cli/progress.ts';
import { configJsonSchemaText } from '../../src/config/json-schema.ts';
import { parseConfig } from '../../src/config/parse-config.ts';
import { SyncError } from '../../src/error/sync-error.ts';

interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

interface World {
  readonly tty?: boolean;
  readonly columns?: number;
  readonly env?: Record<string, string>;
  readonly signal?: AbortSignal;
  readonly commands?: readonly Register[];
}

async function run(args: readonly string[], world: World = {}): Promise<Run> {
  const written = { stdout: '', stderr: '' };
  const output = (name: 'stdout' | 'stderr') => ({
    isTTY: world.tty ?? false,
    columns: world.columns ?? 80,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const io = {
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: world.env ?? { LANG: 'en_US.UTF-8' },
    cwd: '/nowhere',
    clock: { now: () => Date.UTC(2026, 10, 21) },
    signal: world.signal ?? new AbortController().signal,
  };
  const code = await runCli(args, io, ...(world.commands ? [world.commands] : []));
  return { code, ...written };
}

const command =
  (action: Parameters<ReturnType<Parameters<Register>[0]['command']>['action']>[0]): Register =>
  (program) => {
    program
      .command('work')
      .helpGroup('Run')
      .summary('does it')
      .option('--json')
      .option('-c, --config <file>')
      .action(action);
  };

const fails = (error: unknown) => command(() => Promise.reject(error));

/** Every command that a person sees, as it is typed. */
function commandLines(): readonly string[] {
  const nowhere = { write: () => {} };
  const program = createProgram({
    stdout: nowhere,
    stderr: nowhere,
    env: {},
    cwd: '/nowhere',
    clock: { now: () => 0 },
    signal: new AbortController().signal,
    setExitCode: () => {},
  });
  const below = (command: Command, path: readonly string[]): string[] =>
    command
      .createHelp()
      .visibleCommands(command)
      .flatMap((each) => {
        const line = [...path, each.name()];
        return [line.join(' '), ...below(each, line)];
      });
  return below(program, []);
}

function lastLine(text: string): string | undefined {
  return text.trimEnd().split('\n').at(-1);
}

describe('lakeferry alone', () => {
  it('prints one screen of the commands that exist, under their groups, and exits 0', async () => {
    const alone = await run([]);
    expect(alone).toMatchObject({ code: 0, stderr: '' });
    expect(alone.stdout).toMatch(/^lakeferry keeps Neon Postgres equal to Databricks Delta tables\.\n/);
    expect(alone.stdout).toMatch(/^ {2}More .*explain .*schema/m);
    expect(alone.stdout).toContain('0 done, 1 fault, 2 usage or configuration, 3 needs you, 130 interrupted');
    expect((await run(['--help'])).stdout).toBe(alone.stdout);
  });

  it('fits the width of the terminal', async () => {
    for (const columns of [60, 80]) {
      const { stdout } = await run([], { tty: true, columns, env: { NO_COLOR: '1' } });
      const widest = Math.max(
        ...stdout
          .split('\n')
          .slice(2, -3)
          .map((line) => line.length),
      );
      expect(widest).toBeLessThanOrEqual(columns);
    }
  });

  it('puts a command into the group that it names', async () => {
    const { stdout } = await run([], { commands: [command(() => {})] });
    expect(stdout).toMatch(/^ {2}Run +work {2}does it$/m);
    expect(stdout).not.toContain('More');
  });
});

describe('a command on a running system', () => {
  it.each([[['pause']], [['resume']], [['rejected']], [['rejected', 'orders', '--limit', '0']]])(
    '%j is a usage error',
    async (args) => {
      expect((await run([...args, '--local'])).code).toBe(2);
    },
  );

  it('is on the local stack or on a deployment, never on both', async () => {
    const both = await run(['status', '--local', '--deployment', 'prod']);
    expect(both).toMatchObject({ code: 2, stdout: '' });
    expect(both.stderr).toContain('cannot be used with');
  });
});

describe('the end of a command', () => {
  it('is the code that the command sets', async () => {
    const needsYou: Register = (program, io) => {
      program.command('work').action(() => io.setExitCode(3));
    };
    expect((await run(['work'], { commands: [needsYou] })).code).toBe(3);
  });

  it.each([
    ['config_missing', 2],
    ['usage', 2],
    ['retention_gap', 3],
    ['source_unavailable', 1],
    ['source_replaced', 3],
    ['target_replaced', 1],
    ['internal', 1],
  ] as const)('by a %s error is %i, with and without --json', async (kind, code) => {
    const commands = [fails(new SyncError(kind, 'It failed.'))];
    expect((await run(['work'], { commands })).code).toBe(code);
    expect((await run(['work', '--json'], { commands })).code).toBe(code);
  });

  it('is 130 when the command was interrupted', async () => {
    const interrupted = await run(['work'], {
      commands: [fails(new DOMException('stopped', 'AbortError'))],
      signal: AbortSignal.abort(),
    });
    expect(interrupted).toMatchObject({ code: 130, stdout: '' });
    expect(interrupted.stderr).toMatch(/^Interrupted\. No chunk is half applied/);
    const looks: Register = (program) => {
      program.command('plan').action(() => Promise.reject(new DOMException('stopped', 'AbortError')));
    };
    const looking = await run(['plan'], { commands: [looks], signal: AbortSignal.abort() });
    expect(looking).toEqual({ code: 130, stdout: '', stderr: 'Interrupted. Nothing was written.\n' });
  });

  it('by a thrown fault of ours shows nothing that the fault carries', async () => {
    const failed = await run(['work'], { commands: [fails(new Error('row (ana, hunter2)'))] });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain('An unexpected Error was thrown.');
    expect(failed.stderr).not.toContain('hunter2');
  });
});

describe('an error', () => {
  const error = new SyncError('source_table_missing', 'The source table main.gold.orders does not exist.', {
    sync: 'orders',
    planId: '2f9c',
    slice: 0,
    sqlState: '42P01',
  });

  it('says what, where, why and what is safe, and the remedy last', async () => {
    const { stdout, stderr } = await run(['work'], { commands: [fails(error)] });
    expect(stdout).toBe('');
    expect(stderr.split('\n')).toEqual([
      '✗ The source table main.gold.orders does not exist.',
      '  where    sync orders, plan 2f9c, slice 0, SQLSTATE 42P01',
      '  why      source_table_missing: trying again changes nothing until somebody acts',
      '  safe     no chunk is half applied, and "through" did not move',
      '  remedy   Check syncs.orders.source in lakeferry.yaml, or create the table, then run "lakeferry run orders".',
      '',
    ]);
  });

  it('fits the terminal, but for its remedy', async () => {
    const { stderr } = await run(['work'], { commands: [fails(error)], tty: true, columns: 40 });
    const lines = stripVTControlCharacters(stderr).trimEnd().split('\n');
    expect(lines.slice(0, 2)).toEqual(['✗ The source table main.gold.orders does', '  not exist.']);
    expect(lines.slice(0, -1).filter((line) => line.length > 40)).toEqual([]);
  });

  it('is with --json one document on stdout and nothing on stderr', async () => {
    const { stdout, stderr } = await run(['work', '--json'], { commands: [fails(error)] });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({
      schemaVersion: 1,
      error: {
        kind: 'source_table_missing',
        message: 'The source table main.gold.orders does not exist.',
        sync: 'orders',
        remedy:
          'Check syncs.orders.source in lakeferry.yaml, or create the table, then run "lakeferry run orders".',
        docs: 'docs/halts/source_table_missing.md',
      },
    });
  });

  it.each(['checkpoint_unavailable', 'queue_unavailable', 'target_unavailable', 'internal'] as const)(
    'that may pass, %s, is mended by whoever typed the command: nobody else repeats it',
    async (kind) => {
      const passing = new SyncError(kind, 'It failed.', { sync: 'orders' });
      const { stderr } = await run(['work'], { commands: [fails(passing)] });
      expect(lastLine(stderr)).toMatch(/, and run the command again\.$/);
      const document = await run(['work', '--json'], { commands: [fails(passing)] });
      expect(JSON.parse(document.stdout).error.remedy).toMatch(/, and run the command again\.$/);
    },
  );

  it('names in its remedy the configuration that was meant', async () => {
    const remedy =
      'Check syncs.orders.source in our.yaml, or create the table, then run "lakeferry run orders --config our.yaml".';
    const screen = await run(['work', '-c', 'our.yaml'], { commands: [fails(error)] });
    expect(lastLine(screen.stderr)).toBe(`  remedy   ${remedy}`);
    const document = await run(['work', '-c', 'our.yaml', '--json'], { commands: [fails(error)] });
    expect(JSON.parse(document.stdout).error.remedy).toBe(remedy);
  });

  it('hands no control sequence on to the terminal', async () => {
    const hostile = new SyncError('source_table_missing', 'Table \u001b[2Jx\u202ey.', {
      sync: 'a\tb\nc\u001b[2J',
    });
    const { stderr } = await run(['work'], { commands: [fails(hostile)] });
    expect(stderr).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
    expect(stderr).toContain('where    sync a b c\ufffd[2J\n');
  });

  it('is coloured on a terminal, and not where NO_COLOR or a pipe forbids it', async () => {
    const commands = [fails(error)];
    const coloured = await run(['work'], { commands, tty: true });
    expect(coloured.stderr).toContain('\u001b[31m✗\u001b[39m');
    for (const world of [{ tty: true, env: { NO_COLOR: '1', LANG: 'C.UTF-8' } }, { tty: false }]) {
      expect((await run(['work'], { commands, ...world })).stderr).not.toContain('\u001b');
    }
    expect((await run(['work'], { commands, env: { FORCE_COLOR: '1' } })).stderr).toContain('\u001b[31m');
  });

  it('uses ASCII where the locale is not UTF-8', async () => {
    const { stderr } = await run(['work'], {
      commands: [fails(error)],
      env: { LC_ALL: 'C', LANG: 'C.UTF-8' },
    });
    expect(stderr.split('\n')[0]).toBe('x The source table main.gold.orders does not exist.');
  });
});

describe('a command line that makes no sense', () => {
  it.each([
    [['shcema'], "✗ Unknown command 'shcema'.", '  remedy   Did you mean schema?'],
    [['zebra'], "✗ Unknown command 'zebra'.", '  remedy   lakeferry --help'],
    [['explain', '--jsn'], "✗ Unknown option '--jsn'.", '  remedy   Did you mean --json?'],
    [
      ['version', 'now'],
      "✗ Too many arguments for 'version'. Expected 0 arguments but got 1.",
      '  remedy   lakeferry version --help',
    ],
    [['local', 'load'], "✗ Missing required argument 'file'.", '  remedy   lakeferry local load --help'],
    [
      ['explain', 'shedule'],
      '✗ "shedule" is neither a setting of lakeferry.yaml nor a kind of error.',
      '  remedy   lakeferry explain syncs.schedule',
    ],
  ])('%j exits 2 and says what to type', async (args, first, last) => {
    const { code, stdout, stderr } = await run(args);
    expect([code, stdout, stderr.split('\n')[0], lastLine(stderr)]).toEqual([2, '', first, last]);
  });

  it('is JSON too when --json was asked for', async () => {
    const { code, stdout } = await run(['zebra', '--json']);
    expect([code, JSON.parse(stdout).error.kind]).toEqual([2, 'usage']);
  });
});

describe('a configuration with problems', () => {
  const text = 'syncs:\n  orders:\n    source: a.b.c\n    target: d.e\n    keys: [id]\n    deletes: softly\n';
  const broken: Register = command(async () => void parseConfig(text, 'lakeferry.yaml'));

  it('is one screen with a place, a line and a caret for each, and the remedy last', async () => {
    const { code, stderr } = await run(['work'], { commands: [broken] });
    expect(code).toBe(2);
    expect(stderr).toBe(
      [
        '✗ lakeferry.yaml has 2 problems; nothing was run.',
        '',
        '  lakeferry.yaml:5:5  syncs.orders.keys',
        '    unknown key; did you mean "primaryKey"? (primaryKey is required)',
        '     5 |     keys: [id]',
        '       |     ^^^^',
        '',
        '  lakeferry.yaml:6:14  syncs.orders.deletes',
        '    "softly" is not one of hard, soft, ignore; did you mean "soft"?',
        '     6 |     deletes: softly',
        '       |              ^^^^^^',
        '',
        '  explain  lakeferry explain syncs.deletes',
        '  remedy   Correct the named places in lakeferry.yaml and run the command again.',
        '',
      ].join('\n'),
    );
  });

  it('is told of by the name of the file that was meant, its remedy too', async () => {
    const ours: Register = command(async ({ config }) => void parseConfig(text, config));
    const { stderr } = await run(['work', '-c', 'our.yaml'], { commands: [ours] });
    expect(lastLine(stderr)).toBe(
      '  remedy   Correct the named places in our.yaml and run the command again.',
    );
    expect(stderr).not.toContain('lakeferry.yaml');
  });

  it('keeps the caret under its word in a line that is too long, and under wide characters', async () => {
    const long = `syncs: { orders: { "列列": 1, source: a.b.c, target: d.e, primaryKey: id, ${'where: "a = 1", '.padEnd(120)} deletes: softly } }`;
    const wide: Register = command(async () => void parseConfig(long, 'lakeferry.yaml'));
    const { stderr } = await run(['work'], {
      commands: [wide],
      tty: true,
      columns: 80,
      env: { NO_COLOR: '1' },
    });
    const lines = stderr.split('\n');
    for (const word of ['softly', '"列列"']) {
      const at = lines.findIndex((line, index) => line.includes(word) && lines[index + 1]?.includes('^'));
      const [line, under] = lines.slice(at, at + 2) as [string, string];
      expect(under.indexOf('^')).toBe(stringWidth(line.slice(0, line.indexOf(word))));
      expect(under.lastIndexOf('^') - under.indexOf('^') + 1).toBe(stringWidth(word));
      expect(stringWidth(line)).toBeLessThanOrEqual(80);
    }
  });

  it('gives each problem to programs', async () => {
    const { stdout } = await run(['work', '--json'], { commands: [broken] });
    expect(JSON.parse(stdout).error.problems).toEqual([
      expect.objectContaining({
        code: 'unknown_key',
        path: 'syncs.orders.keys',
        line: 5,
        column: 5,
        suggestion: 'primaryKey',
      }),
      expect.objectContaining({
        code: 'not_allowed',
        path: 'syncs.orders.deletes',
        line: 6,
        column: 14,
        suggestion: 'soft',
        expected: 'hard, soft, ignore',
      }),
    ]);
  });
});

describe('the commands', () => {
  it('schema prints the schema of the file', async () => {
    expect(await run(['schema'])).toEqual({ code: 0, stdout: configJsonSchemaText(), stderr: '' });
  });

  it.each(['deletes', 'syncs.deletes', 'syncs.orders.deletes', 'SYNCS.DELETES', 'syncs.<sync>.deletes'])(
    'explain finds the setting by %j',
    async (name) => {
      const { code, stdout } = await run(['explain', name]);
      expect(code).toBe(0);
      expect(stdout).toMatch(/^syncs\.<sync>\.deletes\n/);
      expect(stdout).toMatch(/^ {2}type +hard, soft or ignore\n {2}default +hard$/m);
    },
  );

  it('explain tells the defaults from a sync’s own', async () => {
    const setting = JSON.parse((await run(['explain', 'defaults.maxWriters', '--json'])).stdout).setting;
    expect(setting).toMatchObject({
      path: 'defaults.maxWriters',
      default: 4,
      type: 'number, 1 to 100',
    });
  });

  it('explain names the choices when a name is of several settings', async () => {
    const { code, stderr } = await run(['explain', 'secret']);
    expect(code).toBe(2);
    expect(stderr).toContain('connections.databricks.secret, connections.neon.secret.\n');
    expect(lastLine(stderr)).toBe('  remedy   lakeferry explain connections.databricks.secret');
  });

  it('explain without a name lists every setting, separated by tabs where nobody looks', async () => {
    const { stdout } = await run(['explain']);
    expect(stdout).toContain('syncs.primaryKey\ttext or list of texts\t(required)\n');
  });

  it('explain knows the kinds of errors', async () => {
    expect((await run(['explain', 'retention_gap'])).stdout).toContain(
      'The sync is halted until somebody acts.',
    );
    expect((await run(['explain', 'source_replaced'])).stdout.replaceAll(/\s+/g, ' ')).toContain(
      'the sync is halted where rows in the target stand in the way.',
    );
    expect((await run(['explain', 'constructor'])).code).toBe(2);
  });

  it('version prints one line, or one document', async () => {
    expect((await run(['version'])).stdout).toMatch(/^lakeferry \d+\.\d+\.\d+, node \d+\.\d+\.\d+\n$/);
    expect(JSON.parse((await run(['version', '--json'])).stdout)).toMatchObject({ schemaVersion: 1 });
    expect((await run(['--version'])).code).toBe(0);
  });

  it('ends every help with the exit codes', async () => {
    const { code, stdout } = await run(['schema', '--help']);
    expect([code, lastLine(stdout)?.startsWith('exit codes: 0 done')]).toEqual([0, true]);
  });

  it.each(commandLines())('%s --help has examples and fits a terminal of 80 columns', async (line) => {
    const { code, stdout } = await run([...line.split(' '), '--help'], { tty: true, columns: 80 });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Examples?.*:\n[\s\S]*^ {2}\w/m);
    const prose = stdout.split('\n').filter((each) => !each.startsWith('  lakeferry '));
    expect(prose.filter((each) => each.length > 80 && !each.startsWith('exit codes: '))).toEqual([]);
  });

  it('run as a process whose exit code is theirs', () => {
    const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [main, 'zebra'], { encoding: 'utf8' });
    expect([status, lastLine(stderr)]).toEqual([2, '  remedy   lakeferry --help']);
  });
});

describe('progress', () => {
  function progressOn(isTTY: boolean) {
    const state = { now: 0, text: '' };
    const write = (text: string) => {
      state.text += text;
    };
    const output = { isTTY, columns: 20, write };
    return { state, progress: new Progress(output, { now: () => state.now }) };
  }

  it('rewrites one line on a terminal, at most ten times a second, cut to its width', () => {
    const { state, progress } = progressOn(true);
    for (const now of [0, 50, 99, 100]) {
      state.now = now;
      progress.update(`row ${now} of very many rows`);
    }
    expect(state.text).toBe('\r\u001b[2Krow 0 of very many…\r\u001b[2Krow 100 of very ma…');
    progress.finish('done');
    expect(state.text.endsWith('\r\u001b[2Kdone\n')).toBe(true);
  });

  it('prints a plain line at once and then each ten seconds elsewhere', () => {
    const { state, progress } = progressOn(false);
    for (const now of [0, 9_999, 10_000, 15_000]) {
      state.now = now;
      progress.update(`at ${now}`);
    }
    expect(state.text).toBe('at 0\nat 10000\n');
    progress.clear();
    expect(state.text).toBe('at 0\nat 10000\nat 15000\n');
  });

  it('shows new work at once after the last was finished', () => {
    const { state, progress } = progressOn(false);
    progress.update('load');
    progress.finish('loaded');
    progress.update('change');
    expect(state.text).toBe('load\nloaded\nchange\n');
  });
});
