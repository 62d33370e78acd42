import type { Explored } from './explore.ts';

/** What came of an exploration; a violation with the way to it, a step a line. */
export function reportOf({ exhaustive, violation }: Explored): string {
  if (!violation)
    return exhaustive ? 'no violation, exhaustive' : 'no violation, but not all states were reached';
  const steps = violation.steps.map((step, at) => `${String(at + 1).padStart(4)}. ${step}`);
  return [`VIOLATION: ${violation.broken}`, ...steps].join('\n');
}
