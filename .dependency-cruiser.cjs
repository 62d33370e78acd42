/** The layers of the architecture: imports go downward only, and an implementation never sees another one. */
const layer = (name, path, mayImport) => ({
  name: `layer-${name}`,
  comment: `${path} may import only what lies below it`,
  severity: 'error',
  from: { path },
  to: { path: '^(src|lambdas|infra)/', pathNot: [path, ...mayImport] },
});

const BASE = ['^src/change/', '^src/schema/', '^src/error/'];
const CONFIG = [...BASE, '^src/types/', '^src/config/'];
const PLAN = [...CONFIG, '^src/plan/'];
const INTERFACES = [
  ...PLAN,
  '^src/source/(source|survey)\\.ts$',
  '^src/target/(target|survey)\\.ts$',
  '^src/checkpoint/[^/]+\\.ts$',
  '^src/queue/queue\\.ts$',
  '^src/telemetry/',
];
const SYNC = [...INTERFACES, '^src/sync/'];

module.exports = {
  forbidden: [
    { name: 'no-circular', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-orphan-tests-in-src',
      severity: 'error',
      from: { path: '^(src|lambdas|infra)/' },
      to: { path: '^test/' },
    },
    layer('change', '^src/change/', []),
    layer('schema', '^src/schema/', BASE),
    layer('error', '^src/error/', []),
    layer('types', '^src/types/', BASE),
    layer('config', '^src/config/', CONFIG),
    layer('plan', '^src/plan/', PLAN),
    layer('telemetry', '^src/telemetry/', BASE),
    layer('source', '^src/source/', INTERFACES),
    layer('target', '^src/target/', INTERFACES),
    layer('checkpoint', '^src/checkpoint/', INTERFACES),
    layer('queue', '^src/queue/', INTERFACES),
    layer('sync', '^src/sync/', INTERFACES),
    layer('lambdas', '^lambdas/', [...SYNC, '^src/compose\\.ts$', '^src/deployment/secrets\\.ts$']),
    layer('local', '^src/local/', [...SYNC, '^src/compose\\.ts$', '^lambdas/']),
    layer('deployment', '^src/deployment/', [...CONFIG, '^src/telemetry/']),
    layer('doctor', '^src/doctor/', [...SYNC, '^src/deployment/survey\\.ts$']),
    layer('cli', '^src/cli/', [
      ...SYNC,
      '^src/compose\\.ts$',
      '^src/local/',
      '^src/deployment/',
      '^src/doctor/',
      '^lambdas/',
    ]),
    layer('reference', '^src/reference/', [
      ...CONFIG,
      '^src/telemetry/',
      '^src/target/postgres/migrations\\.ts$',
      '^src/cli/',
    ]),
    {
      name: 'reference-is-loaded-by-nothing',
      comment: 'what makes the pages of docs/ is no part of the program',
      severity: 'error',
      from: { pathNot: '^src/reference/' },
      to: { path: '^src/reference/' },
    },
    layer('infra', '^infra/', ['^src/config/', '^src/telemetry/metric-names\\.ts$']),
    {
      name: 'implementations-only-from-compose',
      severity: 'error',
      from: {
        pathNot: [
          '^src/compose\\.ts$',
          '^test/',
          '^src/(source/databricks|target/postgres|checkpoint/dynamodb|queue/sqs)/',
          '^src/reference/relations\\.ts$',
        ],
      },
      to: { path: '^src/(source/databricks|target/postgres|checkpoint/dynamodb|queue/sqs)/' },
    },
    {
      name: 'vendor-sdk-stays-in-its-folder',
      severity: 'error',
      from: { path: '^(src|lambdas)/', pathNot: '^src/(source/databricks|local)/' },
      to: { path: 'node_modules/@databricks/' },
    },
    {
      name: 'neon-driver-stays-in-its-folder',
      severity: 'error',
      from: { path: '^(src|lambdas)/', pathNot: '^src/(target/postgres|local)/' },
      to: { path: 'node_modules/(@neondatabase|pg-copy-streams)/' },
    },
    {
      name: 'aws-sdk-stays-in-its-folder',
      severity: 'error',
      from: { path: '^(src|lambdas)/', pathNot: '^src/(checkpoint/dynamodb|queue/sqs|local|deployment)/' },
      to: { path: 'node_modules/@aws-sdk/' },
    },
    {
      name: 'development-packages-stay-out-of-the-lambdas',
      severity: 'error',
      from: { path: '^(lambdas|src)/', pathNot: '^src/(local|cli)/' },
      to: { dependencyTypes: ['npm-dev'], pathNot: 'node_modules/@types/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
