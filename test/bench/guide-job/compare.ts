import { cpus, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { type Ending, playScenario } from './correctness.ts';
import { type Ground, openGround } from './ground.ts';
import { SCENARIOS } from './scenarios.ts';
import { measureSpeed, type Seconds } from './speed.ts';

/**
 * `npm run bench:guide -- --rows N --changes M`: Lakeferry beside the job of Neon's guide to reverse ETL, on one
 * Spark, one Delta table and one Postgres. First what both need for a load of N rows and for a window of M changes,
 * in turns; then what both end with where changes are awkward. Prints Markdown.
 */
const { values: options } = parseArgs({
  options: {
    rows: { type: 'string', default: '200000' },
    changes: { type: 'string', default: '50000' },
    rounds: { type: 'string', default: '5' },
    /** Sizes that only show that it runs. */
    quick: { type: 'boolean', default: false },
    /** `speed` or `correctness`; both when absent. */
    only: { type: 'string' },
  },
});
const SIZES = options.quick
  ? { rows: 2_000, changes: 500, rounds: 1 }
  : { rows: count(options.rows), changes: count(options.changes), rounds: count(options.rounds) };

function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new Error(`not a count: ${text}`);
  return Number(text);
}

async function describeGround({ sql, postgres }: Ground): Promise<string> {
  const [spark] = await sql('select version() as version');
  const { rows } = await postgres.query<{ server_version: string }>('show server_version');
  const versions = [
    `Node ${process.versions.node}`,
    `Spark ${String(spark?.['version']).split(' ')[0]} local[2]`,
    `Postgres ${rows[0]?.server_version}`,
  ];
  return `${versions.join(', ')}, ${cpus().length} cores`;
}

async function compareSpeed(ground: Ground): Promise<void> {
  const busyBefore = busy();
  const seconds = await measureSpeed(ground, SIZES, say);
  const { rows, changes, rounds } = SIZES;
  console.log(`Medians of ${rounds} rounds, in parentheses the lowest and the highest.\n`);
  console.log('| | Lakeferry, rows/s | the guide, rows/s | Lakeferry ÷ guide |\n|---|---|---|---|');
  const { load, window } = seconds;
  console.log(speedLine(`load of ${show(rows)} rows`, rows, load.lakeferry, load.guide));
  console.log(
    speedLine('the same, JDBC with `reWriteBatchedInserts`', rows, load.lakeferry, load.guideBatched),
  );
  console.log(speedLine(`window of ${show(changes)} changes`, changes, window.lakeferry, window.guide));
  console.log(`\nSeconds: ${secondsLine(seconds)}.`);
  console.log(`The machine's load average: ${busyBefore} before, ${busy()} after.`);
}

/** Of the last five minutes; what is above the two opponents' own is noise. */
function busy(): string {
  return (loadavg()[1] ?? Number.NaN).toFixed(1);
}

function speedLine(
  what: string,
  rows: number,
  lakeferry: readonly number[],
  guide: readonly number[],
): string {
  const rates = (seconds: readonly number[]) => seconds.map((one) => rows / one);
  const ratios = lakeferry.map((one, round) => (guide[round] ?? Number.NaN) / one);
  const whole = (rate: number) => show(Math.round(rate));
  const cells = [
    spread(rates(lakeferry), whole),
    spread(rates(guide), whole),
    spread(ratios, (of) => of.toFixed(2)),
  ];
  return `| ${[what, ...cells].join(' | ')} |`;
}

function secondsLine({ load, window, wholeJob }: Seconds): string {
  const times = (of: readonly number[]) => of.map((one) => one.toFixed(1)).join(' ');
  return [
    `load, Lakeferry ${times(load.lakeferry)}, guide ${times(load.guide)}, batched ${times(load.guideBatched)}`,
    `window, Lakeferry ${times(window.lakeferry)}, guide ${times(window.guide)}`,
    `the guide's window as a process from start to end ${wholeJob.toFixed(1)}`,
  ].join('; ');
}

function spread(values: readonly number[], text: (value: number) => string): string {
  const sorted = values.toSorted((a, b) => a - b);
  const [low, median, high] = [0, Math.floor(sorted.length / 2), sorted.length - 1].map((at) =>
    text(sorted[at] ?? Number.NaN),
  );
  return `${median} (${low}–${high})`;
}

function show(value: number): string {
  return value.toLocaleString('en');
}

async function compareEndings(ground: Ground): Promise<void> {
  const job = await ground.startGuideJob();
  try {
    console.log('| | the guide | Lakeferry |\n|---|---|---|');
    for (const scenario of SCENARIOS) {
      say(scenario.name);
      const { guide, lakeferry } = await playScenario(ground, job, scenario);
      console.log(`| ${scenario.what} | ${endingText(guide)} | ${endingText(lakeferry)} |`);
    }
  } finally {
    await job.close();
  }
}

function endingText({ error, wrong }: Ending): string {
  const parts = Object.entries(wrong).flatMap(([kind, rows]) => (rows > 0 ? [`${rows} ${kind}`] : []));
  const target = parts.length === 0 ? 'equal' : parts.join(', ');
  return error === undefined ? target : `error \`${error}\`; ${target}`;
}

function say(what: string): void {
  process.stderr.write(`${what}\n`);
}

const ground = await openGround();
try {
  console.log(`${await describeGround(ground)}\n`);
  if (options.only !== 'correctness') await compareSpeed(ground);
  if (options.only !== 'speed') {
    console.log();
    await compareEndings(ground);
  }
} finally {
  await ground.close();
}
