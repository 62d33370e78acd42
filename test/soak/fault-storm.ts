import { setTimeout as wait } from 'node:timers/promises';
import type { Fault, FaultPoint, FaultRule } from '../../src/local/warehouse/faults.ts';
import type { AwsFault } from '../support/aws-front.ts';
import type { FaultyStack } from '../support/faulty-stack.ts';
import type { Counts } from './counts.ts';
import type { Random } from './random.ts';

interface Scene {
  readonly stack: FaultyStack;
  readonly counts: Counts;
  readonly random: Random;
}

/** Brings one fault about; resolves when it is over, or armed. */
type Bring = (scene: Scene) => Promise<void> | void;

const BETWEEN_MS = [50, 350] as const;
/** More faults than this are not brought while nothing gets done: then a slow machine gets somewhere, too. */
const MAX_FAULTS_WITHOUT_PROGRESS = 6;
const BETWEEN_RESTARTS_MS = [6_000, 40_000] as const;

/** What a plan or a chunk depends on: connections break here. */
const STATEMENTS = [
  'begin isolation level',
  'set plan_id = $2',
  'for share',
  'for update',
  'insert into lakeferry.applied_slices',
  'copy ',
  'merge into',
  'delete from',
  'set through = $3',
  'commit',
  'commit',
] as const;

/** Databricks' own answers; after the last two, a person lets the sync go on. */
const ERRORS = [
  { errorClass: 'INTERNAL_ERROR', sqlState: 'XX000', message: 'broken' },
  { errorClass: 'CONCURRENT_SCHEDULER_ISSUE', sqlState: '58000', message: 'no executor' },
  { errorClass: 'DELTA_CHANGE_DATA_FILE_NOT_FOUND', sqlState: '42K03', message: 'a file is gone' },
  { errorClass: 'INSUFFICIENT_PERMISSIONS', sqlState: '42501', message: 'no right' },
] as const;

const AWS_ACTIONS = [
  'GetItem',
  'PutItem',
  'UpdateItem',
  'SendMessageBatch',
  'ChangeMessageVisibility',
] as const;

/** How often in a row a fault strikes: mostly once, and now and then more often than anybody tries again at once. */
const burst = (random: Random) => (random.chance(0.15) ? random.between(4, 6) : 1);

const neonDrop: Bring = ({ stack, counts, random }) => {
  const moment = random.pick(['before', 'after'] as const);
  const rule = stack.proxy.faults.dropAtStatement(random.pick(STATEMENTS), moment);
  counts.watch(`neon: dropped ${moment} a statement`, () => rule.fired);
};

const neonDropInCopy: Bring = ({ stack, counts, random }) => {
  const rule = stack.proxy.faults.dropAfterBytes(random.between(0, 1_500), { behind: 'copy ' });
  counts.watch('neon: dropped in mid-COPY', () => rule.fired);
};

const neonRefuse: Bring = ({ stack, random }) => stack.proxy.faults.refuseConnections(burst(random));

const neonCut: Bring = ({ stack, counts, random }) => {
  const how = random.pick(['cut', 'close'] as const);
  counts.fault(
    `neon: all connections ${how === 'cut' ? 'cut' : 'closed'}`,
    stack.proxy.dropAll(how) > 0 ? 1 : 0,
  );
};

const neonTerminate: Bring = async ({ stack }) => {
  await stack.proxy.terminateBackends();
};

const neonDelay: Bring = async ({ stack, counts, random }) => {
  const { faults } = stack.proxy;
  const before = faults.fired.delayed;
  faults.delay(random.between(2, 30));
  await wait(random.between(100, 600));
  faults.delay(0);
  counts.fault('neon: slow', faults.fired.delayed > before ? 1 : 0);
};

const neonHold: Bring = async ({ stack, counts, random }) => {
  const { faults } = stack.proxy;
  const before = faults.fired.held;
  const hold = random.chance(0.5) ? faults.hold() : faults.holdAtStatement(random.pick(STATEMENTS));
  await wait(random.between(100, 1_500));
  hold.release();
  counts.fault('neon: silent', faults.fired.held > before ? 1 : 0);
};

const warehouse =
  (kind: string, rule: (random: Random) => FaultRule): Bring =>
  ({ stack, counts, random }) => {
    const armed = stack.warehouseFaults.add(rule(random));
    counts.watch(`warehouse: ${kind}`, () => armed.fired);
  };

type CallFault = Exclude<Fault, { kind: 'shortResult' }>;

const at = (on: FaultPoint, times: number, fault: CallFault): FaultRule => ({ on, times, fault });
const anywhere = (random: Random) => random.pick(['openSession', 'execute', 'fetch'] as const);

const http = (status: number) =>
  warehouse(`HTTP ${status}`, (random) => at(anywhere(random), burst(random), { kind: 'http', status }));

const warehouseDrop = warehouse('connection dropped', (random) =>
  at(anywhere(random), burst(random), { kind: 'dropConnection' }),
);
const warehouseExpired = warehouse('session expired', (random) =>
  at(anywhere(random), random.between(1, 2), { kind: 'sessionExpired' }),
);
const warehouseSlow = warehouse('slow', (random) =>
  at(random.pick(['execute', 'fetch'] as const), random.between(1, 3), {
    kind: 'slow',
    ms: random.between(50, 1_500),
  }),
);
const warehouseError = warehouse('error of a statement', (random) =>
  at('execute', 1, { kind: 'error', ...random.pick(ERRORS) }),
);
const warehouseShort = warehouse('short result', (random) => ({
  on: 'fetch',
  match: /line_total/,
  times: 1,
  fault: { kind: 'shortResult', dropRows: random.between(1, 3) },
}));

const aws =
  (
    fault: AwsFault,
    action: (random: Random) => string | undefined = (random) => random.pick(AWS_ACTIONS),
  ): Bring =>
  ({ stack, counts, random }) => {
    const named = action(random);
    const armed = stack.awsFaults.add({
      fault,
      times: fault === 'silent' ? 1 : burst(random),
      ...(named === undefined ? {} : { action: named }),
    });
    counts.watch(`aws: ${NAMES[fault]}`, () => armed.fired);
  };

const NAMES: Readonly<Record<AwsFault, string>> = {
  refused: 'refused',
  answerLost: 'answer lost',
  silent: 'silent',
  serverError: 'HTTP 500',
  throttled: 'throttled',
  doubled: 'messages doubled',
  late: 'messages late and reordered',
};

const ofSending = () => 'SendMessageBatch';

/** Each as often as its weight says. */
const FAULTS: readonly (readonly [weight: number, bring: Bring])[] = [
  [6, neonDrop],
  [4, neonDropInCopy],
  [3, neonRefuse],
  [2, neonCut],
  [3, neonTerminate],
  [1, neonDelay],
  [2, neonHold],
  [3, http(503)],
  [1, http(429)],
  [3, warehouseDrop],
  [3, warehouseExpired],
  [2, warehouseSlow],
  [2, warehouseError],
  [3, warehouseShort],
  [2, aws('refused')],
  [3, aws('answerLost')],
  [1, aws('silent')],
  [2, aws('serverError')],
  [2, aws('throttled')],
  [2, aws('doubled', ofSending)],
  [2, aws('late', ofSending)],
];

/** Faults of all kinds, one after the other, until the signal aborts; what is armed then stays armed. */
export async function bringFaults(scene: Scene, signal: AbortSignal): Promise<void> {
  const { stack, counts, random } = scene;
  const { fired } = stack.proxy.faults;
  counts.watch('neon: refused', () => fired.refused);
  counts.watch('neon: backend terminated (57P01)', () => fired.terminated);
  const drawn = FAULTS.flatMap(([weight, bring]) => Array.from({ length: weight }, () => bring));
  let progress = counts.progress;
  let brought = 0;
  while (!signal.aborted) {
    if (counts.progress > progress) {
      progress = counts.progress;
      brought = 0;
    }
    if (brought < MAX_FAULTS_WITHOUT_PROGRESS) {
      brought += 1;
      // A server that is away cannot be asked to end its backends.
      await Promise.resolve(random.pick(drawn)(scene)).catch(() => undefined);
    }
    await wait(random.between(...BETWEEN_MS), undefined, { signal }).catch(() => undefined);
  }
}

/** Restarts and crashes of the whole Postgres, now and then. */
export async function bringRestarts({ stack, counts, random }: Scene, signal: AbortSignal): Promise<void> {
  for (;;) {
    await wait(random.between(...BETWEEN_RESTARTS_MS), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    if (random.chance(0.5)) {
      await stack.postgres.restart();
      counts.fault('postgres: restarted');
    } else {
      await stack.postgres.crash();
      counts.fault('postgres: killed and recovered');
    }
  }
}
