import { about, advise, type Finding } from './finding.ts';

/** AWS refuses requests that are signed 5 minutes off; ages on screens are wrong long before. */
const MAX_OFF_MS = 60_000;

/** What a server's clock showed, and this machine's around the answer. Milliseconds since the epoch. */
export interface ClockReading {
  readonly server: string;
  readonly now: number;
  readonly before: number;
  readonly after: number;
}

export function clockFindings(readings: readonly ClockReading[]): readonly Finding[] {
  const clock = about('machine', 'clock');
  const off = readings.map((reading) => ({ ...reading, ms: offset(reading) }));
  const wrong = off.filter(({ ms }) => Math.abs(ms) > MAX_OFF_MS);
  if (readings.length === 0) return [];
  if (wrong.length === 0) return [clock.ok('clock', 'agrees with the servers')];
  const words = wrong.map(
    ({ server, ms }) => `${Math.round(Math.abs(ms) / 1_000)} s ${ms > 0 ? 'ahead of' : 'behind'} ${server}`,
  );
  return [
    clock.problem(
      'clock',
      words.join(', '),
      advise(
        'Set the clock of this machine by NTP, or that of the server if it is the one that is wrong: AWS refuses requests that are signed more than 5 minutes off, and ages on screens are wrong.',
      ),
    ),
  ];
}

/** How far this machine is ahead, less what the answer may have taken. */
function offset({ now, before, after }: ClockReading): number {
  if (now < before) return before - now;
  return now > after ? after - now : 0;
}
