import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { nextSince } from '../../src/cli/commands/logs.ts';
import { logEntryJson, renderLogEntry } from '../../src/cli/log-report.ts';
import { runCli } from '../../src/cli/program.ts';
import { createStyle } from '../../src/cli/style.ts';
import { watch } from '../../src/cli/watch.ts';
import type { LogEntry } from '../../src/deployment/read-logs.ts';

const AT = Date.UTC(2026, 10, 21, 14, 32, 7, 250);
const PLAIN = createStyle({ colour: false, unicode: true });

const ENTRY: LogEntry = {
  id: 'writer/1',
  at: AT,
  function: 'writer',
  level: 'warn',
  message: 'chunk not applied',
  fields: {
    attempt: 2,
    reason: 'a lock is held',
    kind: 'target_busy',
    sync: 'orders',
    error: { sqlState: '55P03' },
  },
};

function world(overrides: { readonly isTTY?: boolean; readonly columns?: number } = {}) {
  const stop = new AbortController();
  const written: string[] = [];
  const output = { ...overrides, write: (text: string) => void written.push(text) };
  let code: number | undefined;
  const io = {
    stdout: output,
    stderr: output,
    env: {},
    cwd: '/nowhere',
    clock: { now: () => AT },
    signal: stop.signal,
    setExitCode: (set: number) => {
      code = set;
    },
  };
  return { io, stop, written, code: () => code };
}

describe('a log entry', () => {
  it('is one line: when, who, how bad, what, and the facts with the sync first', () => {
    expect(renderLogEntry(ENTRY, PLAIN)).toBe(
      '2026-11-21 14:32:07Z  writer   warn   chunk not applied  sync=orders kind=target_busy attempt=2 reason="a lock is held" error={"sqlState":"55P03"}',
    );
    expect(renderLogEntry({ ...ENTRY, fields: {} }, PLAIN)).toBe(
      '2026-11-21 14:32:07Z  writer   warn   chunk not applied',
    );
  });

  it('obeys nothing that stands in it', () => {
    const line = renderLogEntry(
      { ...ENTRY, message: 'two\nlines\u001b[31m', fields: { a: 'x\u001b[2Jy' } },
      PLAIN,
    );
    expect(line.split('\n')).toHaveLength(1);
    expect(stripVTControlCharacters(line)).toBe(line);
  });

  it('is an object for programs, with its time in ISO 8601', () => {
    expect(logEntryJson(ENTRY)).toEqual({
      time: '2026-11-21T14:32:07.250Z',
      function: 'writer',
      level: 'warn',
      message: 'chunk not applied',
      fields: ENTRY.fields,
    });
  });
});

describe('lakeferry logs', () => {
  it.each([
    [['--since', '1']],
    [['--since', '0h']],
    [['--since', '1w']],
    [['--plan', '2f9c']],
    [['--limit', '0']],
    [['--limit', '100001']],
  ])('refuses %j before it asks anybody', async (flags) => {
    const { io } = world();
    expect(await runCli(['logs', ...flags], io)).toBe(2);
  });
});

describe('lakeferry logs --local', () => {
  it.each([
    [[], 'lakeferry run --verbose --local'],
    [['orders', '-c', 'our.yaml'], 'lakeferry run orders --verbose --local --config our.yaml'],
  ])('of %j says that there is no log, and what shows the steps of a run', async (args, remedy) => {
    const { io, written } = world();
    expect(await runCli(['logs', ...args, '--local'], io)).toBe(2);
    const lines = written.join('').trimEnd().split('\n');
    expect(lines[0]).toContain('The local stack keeps no log');
    expect(lines.at(-1)).toBe(`  remedy   ${remedy}`);
  });

  it('is not offered', async () => {
    const { io, written } = world();
    expect(await runCli(['logs', '--help'], io)).toBe(0);
    expect(written.join('')).not.toContain('--local');
  });
});

describe('a screen that is watched', () => {
  it('takes the place of the one before it on a terminal, long lines counted as they are shown', async () => {
    const { io, stop, written, code } = world({ isTTY: true, columns: 10 });
    const frames = ['first\nis wider than ten\n', 'second\n'];
    await watch(io, async () => {
      const frame = frames.shift() ?? '';
      if (frames.length === 0) setImmediate(() => stop.abort());
      return frame;
    });
    expect(written).toEqual(['first\nis wider than ten\n', '\u001b[3A\r\u001b[Jsecond\n']);
    expect(code()).toBe(130);
  });

  it('prints one after another elsewhere, with nothing that a terminal obeys', async () => {
    const { io, stop, written } = world();
    const frames = ['{"a":1}\n', '{"a":2}\n'];
    await watch(io, async () => {
      const frame = frames.shift() ?? '';
      if (frames.length === 0) setImmediate(() => stop.abort());
      return frame;
    });
    expect(written.join('')).toBe('{"a":1}\n{"a":2}\n');
  });

  it('fails with what a look throws, unless Ctrl-C was what ended the look', async () => {
    const { io } = world();
    await expect(watch(io, () => Promise.reject(new Error('gone')))).rejects.toThrow('gone');
    const { io: interrupted, stop, written, code } = world();
    await watch(interrupted, async () => {
      stop.abort();
      throw new Error('cancelled');
    });
    expect(written).toEqual([]);
    expect(code()).toBe(130);
  });
});

describe('the next look of logs --follow', () => {
  const MINUTE = 60_000;
  const part = (leftOut: number, ...ages: readonly number[]) => ({
    entries: ages.map((age) => ({ ...ENTRY, at: AT - age })),
    leftOut,
  });

  it('goes back a minute from the newest entry, for those that come late', () => {
    expect(nextSince(AT - 60 * MINUTE, part(0, 50 * MINUTE, 2 * MINUTE), AT)).toBe(AT - 3 * MINUTE);
  });

  it('goes back to nothing that was left out, and never beyond its first', () => {
    expect(nextSince(AT - 60 * MINUTE, part(1, MINUTE / 2, 0), AT)).toBe(AT - MINUTE / 2);
    expect(nextSince(AT, part(0, 2 * MINUTE), AT)).toBe(AT);
  });

  it('does not go through two days again where nothing fits, on a clock that is minutes wrong', () => {
    expect(nextSince(AT - 2_880 * MINUTE, part(0), AT)).toBe(AT - 11 * MINUTE);
  });
});
