import { parseArgs } from 'node:util';
import type { Counts } from './counts.ts';
import { runSoak } from './run-soak.ts';

const USAGE = 'npm run soak -- --minutes N [--seed S] [--syncs K]';
const LINE_EVERY_MS = 10_000;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string' },
    syncs: { type: 'string', default: '6' },
  },
});
const minutes = Number(values.minutes);
const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 32) : Number(values.seed);
const syncs = Number(values.syncs);
if (!(minutes > 0) || !Number.isInteger(seed) || !(Number.isInteger(syncs) && syncs > 0)) {
  console.error(USAGE);
  process.exit(2);
}

console.log(`soak: seed ${seed}, ${minutes} minutes, ${syncs} syncs`);
const stop = new AbortController();
process.once('SIGINT', () => {
  console.log('soak: stopped by hand, the verification begins');
  stop.abort();
});
const startedAt = Date.now();
let lines: NodeJS.Timeout | undefined;

const { counts, problems, rows } = await runSoak({
  seed,
  syncs,
  signal: stop.signal,
  onStart(counted) {
    setTimeout(() => stop.abort(), minutes * 60_000).unref();
    lines = setInterval(() => console.log(progressLine(counted)), LINE_EVERY_MS).unref();
  },
}).finally(() => clearInterval(lines));

console.log(progressLine(counts));
console.log('\nfaults survived:');
for (const [kind, times] of counts.faults()) console.log(`  ${String(times).padStart(6)}  ${kind}`);
console.log('\nfailures of chunks that were tried again:');
for (const [kind, times] of counts.failures) console.log(`  ${String(times).padStart(6)}  ${kind}`);
const duration = `${Math.round((Date.now() - startedAt) / 1_000)} s`;
if (problems.length === 0) {
  console.log(
    `\nsoak passed: ${syncs} syncs equal after ${duration}, ${rows} rows, ${counts.totalFaults} faults (seed ${seed})`,
  );
} else {
  console.log(`\nsoak failed after ${duration} and ${counts.totalFaults} faults (seed ${seed}):`);
  for (const problem of problems) console.log(`  ${problem}`);
}
// What a killed sandbox left behind would keep the process for minutes.
process.exit(problems.length === 0 ? 0 : 1);

function progressLine(of: Counts): string {
  const seconds = Math.round((Date.now() - startedAt) / 1_000);
  return [
    `${String(seconds).padStart(5)} s`,
    `commits ${of.commits}`,
    `plans ${of.plans}`,
    `applied ${of.applied}`,
    `finished ${of.finished}`,
    `already applied ${of.alreadyApplied}`,
    `fenced ${of.fenced}`,
    `halts ${of.halts}`,
    `compared ${of.comparisons}`,
    `faults ${of.totalFaults} (${[...of.faultsByPart()].map((part) => part.join(' ')).join(', ')})`,
  ].join('  ');
}
