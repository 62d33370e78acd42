import type { LogEntry } from '../deployment/read-logs.ts';
import type { Style } from './style.ts';
import { printable } from './text.ts';

/** Names of fields that lead, in this order; the others follow as they stand in the entry. */
const LEADING = ['sync', 'planId', 'slice', 'kind'] as const;

/** `2026-11-21 14:32:07Z  writer   warn   chunk not applied  sync=orders kind=target_busy` */
export function renderLogEntry(
  { at, function: name, level, message, fields }: LogEntry,
  style: Style,
): string {
  const time = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
  const paint = level === 'error' ? style.red : level === 'warn' ? style.yellow : (text: string) => text;
  const head = `${style.dim(`${time}Z`)}  ${name.padEnd(7)}  ${paint(level.padEnd(5))}  ${printable(message)}`;
  const pairs = [
    ...LEADING,
    ...Object.keys(fields).filter((field) => !(LEADING as readonly string[]).includes(field)),
  ]
    .filter((field) => fields[field] !== undefined)
    .map((field) => `${printable(field)}=${valueText(fields[field])}`);
  return pairs.length === 0 ? head : `${head}  ${style.dim(pairs.join(' '))}`;
}

function valueText(value: unknown): string {
  if (typeof value === 'string' && /^[^\s"=]+$/.test(value)) return printable(value);
  return printable(JSON.stringify(value));
}

/** The entry for programs; its time is ISO 8601 in UTC. */
export function logEntryJson({ at, function: name, level, message, fields }: LogEntry) {
  return { time: new Date(at).toISOString(), function: name, level, message, fields };
}
