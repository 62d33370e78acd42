import { stripVTControlCharacters } from 'node:util';
import { type Clock, systemClock } from './clock.ts';
import type { Log } from './log.ts';
import { safeFields, safeText } from './redaction.ts';

type Level = 'info' | 'warn' | 'error';

export interface LineLogOptions {
  /** `json`: one object a line with `time`, `level`, `message` and the fields. `text`: for people. */
  readonly format: 'json' | 'text';
  readonly clock?: Clock;
}

/** The log of the command line: one line an entry, in UTC. Answers go elsewhere: give it stderr. */
export function lineLog(stream: { write(text: string): unknown }, options: LineLogOptions): Log {
  const { format, clock = systemClock } = options;
  const line = format === 'json' ? jsonLine : textLine;
  const write = (level: Level) => (message: string, fields?: Readonly<Record<string, unknown>>) => {
    const time = new Date(clock.now()).toISOString();
    stream.write(`${line(time, level, safeText(message), safeFields(fields ?? {}))}\n`);
  };
  return { info: write('info'), warn: write('warn'), error: write('error') };
}

function jsonLine(time: string, level: Level, message: string, fields: Record<string, unknown>): string {
  return JSON.stringify({ ...fields, time, level, message });
}

/** `14:32:07 warn  The chunk was not applied  sync=orders error.kind=target_busy` */
function textLine(time: string, level: Level, message: string, fields: Record<string, unknown>): string {
  const shown = pairs(fields, '').map(([name, value]) => `${name}=${value}`);
  const words = [`${time.slice(11, 19)} ${level.padEnd(5)} ${printable(message)}`, shown.join(' ')];
  return words.filter((word) => word !== '').join('  ');
}

function pairs(fields: object, prefix: string): [string, string][] {
  return Object.entries(fields).flatMap(([name, value]): [string, string][] => {
    const path = printable(`${prefix}${name}`);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return pairs(value, `${path}.`);
    const plain = typeof value === 'string' && /^[^\s"=\p{C}]+$/u.test(value);
    return [[path, plain ? value : printable(JSON.stringify(value))]];
  });
}

/** A line stays one line and colours nothing. */
function printable(text: string): string {
  return stripVTControlCharacters(text).replace(/\p{C}+/gu, ' ');
}
